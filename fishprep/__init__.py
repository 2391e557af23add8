"""Photos in, verified training shards out: find faces, crop, resize, parse, pack.

The way of a photo is the way through this package: `sources` → `decode` → `landmarks` → `crop` → `pyramid` and
`parsing` → `shards`. `build` runs it for one shard, `engines` run many of those, `manifest` records the truth.
"""

__version__ = "0.1.0"
