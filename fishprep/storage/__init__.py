"""Where bytes lie, and who may write there; knows nothing of photos."""
