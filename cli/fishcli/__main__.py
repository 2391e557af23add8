"""`python -m fishcli` is `fishfsr`, for `torchrun -m fishcli train ...`."""

from fishcli.fsr import main

if __name__ == "__main__":
    main()
