"""The command lines `fishprep` and `fishfsr`: arguments in, printed results and exit codes out."""
