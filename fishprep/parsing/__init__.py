"""Parsing maps: 19 classes, their fusion to a binary skin map, and the parsers that make them."""
