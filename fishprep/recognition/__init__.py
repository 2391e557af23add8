"""Faces → vectors of their identity: dlib's `network`, its `weights`, and what was computed once, `kept` beside the shards."""
