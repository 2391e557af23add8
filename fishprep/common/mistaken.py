"""What a file is that somebody took for weights, where its first bytes tell."""

from pathlib import Path

from fishprep.common.files import open_regular

_LOOKED_AT = 512


def mistaken_for(path: Path) -> str | None:
    """What lies at `path` instead of weights, and what to do, in words for a message; None where the file may be weights.

    Knows what downloads leave behind: pointers of Git LFS, pages and answers of web servers, empty files.
    """
    try:
        with open_regular(path) as stream:
            start = stream.read(_LOOKED_AT)
    except OSError:
        return None
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not start:
        return "an empty file; fetch it again"
    if text.startswith((b"version https://git-lfs", b"version https://hawser")):
        return "a pointer of Git LFS, not the file that it stands for; fetch that with: git lfs pull"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<!--")):
        return "a web page (HTML), not the file that it may lead to; open the address in a browser and save the file itself"
    if text.startswith((b"<?xml", b"<error", b'{"error', b'{"message', b'{"detail')):
        return "a server's answer (an error message), not the file; fetch it again"
    return None
