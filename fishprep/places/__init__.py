"""Where the bytes of a photo lie, and how they are read: a file, a part of an archive. A new kind of place is one file here."""
