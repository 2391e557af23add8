"""The shard format: schema, writer, reader, files mapped into memory. Here fishprep and fishfsr meet."""
