"""The authors' networks as their published code computes them, and the import of their checkpoints.

Everything in which that code departs from the paper is in this package; `docs/networks.md` explains each
point.
"""
