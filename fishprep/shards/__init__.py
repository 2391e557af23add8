"""The shard format: schema, writer, reader, verification. The one thing that training shares with fishprep."""
