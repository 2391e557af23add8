"""How well a parser does on labelled faces."""
