"""The authors' networks as their published code computes them (`networks`), and the import of their
checkpoints (`importer`, `keys`).

Everything in which that code departs from the paper is in this package; `docs/networks.md` explains each
point.
"""
