"""The public face: what `fishprep` exports, one function a file. The command line calls these and nothing below them."""
