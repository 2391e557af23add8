"""Face super-resolution guided by parsing maps: ParsingNet and FishFSRNet, their training and their use."""

__version__ = "0.1.0"
