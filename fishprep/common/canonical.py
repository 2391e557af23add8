"""JSON that is the same for equal values: what is hashed, stored and compared."""

import hashlib
import json


def canonical(value: object) -> str:
    """JSON text with sorted keys and no spaces, and UTF-8 whatever bytes file names are made of."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def sha256_json(value: object) -> str:
    """SHA-256 of canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
