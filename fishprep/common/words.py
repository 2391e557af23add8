"""Numbers and remarks in the words of a message."""


def counted(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it is not one.

    >>> counted(1, "photo"), counted(1200, "photo")
    ('1 photo', '1,200 photos')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size_text(count: float) -> str:
    """Bytes for people.

    >>> size_text(512), size_text(188_400), size_text(3_000_000)
    ('512 bytes', '188 KB', '3.0 MB')
    """
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError


def same_command(overwrite: bool, resume: bool = True) -> str:
    """The command that goes on with what one of these flags has done: given again, `--overwrite` would remove it.

    >>> same_command(False), same_command(True), same_command(True, resume=False)
    ('the same command', 'the same command without --overwrite', 'the same command without --overwrite and --no-resume')
    """
    undoing = [flag for flag, given in (("--overwrite", overwrite), ("--no-resume", not resume)) if given]
    return "the same command" + (f" without {' and '.join(undoing)}" if undoing else "")


def joined(*remarks: str) -> str:
    """Remarks on one line, without those that are empty.

    >>> joined("grey", "", "turned")
    'grey; turned'
    """
    return "; ".join(remark for remark in remarks if remark)
