"""Training of a BiSeNet from labelled faces."""
