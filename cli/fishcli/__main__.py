"""`python -m fishcli` is `fishfsr`, for `torchrun -m fishcli train ...`."""

from fishcli.entry import fishfsr

if __name__ == "__main__":
    fishfsr()
