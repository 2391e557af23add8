"""The trained pair, ready for use: found, loaded, prepared and run."""
