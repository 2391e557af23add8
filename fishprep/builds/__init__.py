"""A build: its configuration, splits and plan, the shards made of it, its manifest, retries and verification."""
