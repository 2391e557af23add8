"""The networks of the paper, of its authors' code and of this project: configurations, registry. They know nothing of files."""
