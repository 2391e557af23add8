"""Numbers in the words of a message."""


def counted(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it is not one.

    >>> counted(1, "photo"), counted(1200, "photo")
    ('1 photo', '1,200 photos')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
