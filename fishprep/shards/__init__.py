"""The shard format: schema, writer, reader, verification. The one thing that fishprep and fishfsr share."""
