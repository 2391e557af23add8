"""Training of both networks from shards: configuration, stages, loop, checkpoints."""
