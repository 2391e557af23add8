"""Weight files: where they come from, their hashes and licences, and the cache that holds them."""
