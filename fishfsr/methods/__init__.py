"""The methods of the paper's Table I and a few beside it, one file each: what it reads, is supervised by, and loses."""
