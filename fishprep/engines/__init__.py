"""Engines run `build_shard` over many specs; they know nothing of faces."""
