"""The import of the authors' checkpoints, in both layouts of their tensors' names.

What their networks have and the paper has not is in `models/authors.py`; `docs/networks.md` explains each point.
"""
