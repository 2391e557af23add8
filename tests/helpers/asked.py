"""Requests to the page as its own script makes them, over HTTP."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx


class Visitor:
    """One browser's session with the page at `url`."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=120)
        self.session = secrets.token_hex(6)

    def upload(self, *files: Path) -> list[dict[str, Any]]:
        """Upload files; what the page calls them."""
        parts = [("files", (file.name, file.read_bytes())) for file in files]
        answer = self.client.post("gradio_api/upload", files=parts)
        answer.raise_for_status()
        return [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in answer.json()]

    def call(self, number: int, data: Sequence[Any]) -> Any:
        """Join the queue for a function of the page, and wait for what comes of it."""
        joined = {"data": list(data), "fn_index": number, "session_hash": self.session, "event_data": None}
        self.client.post("gradio_api/queue/join", json=joined).raise_for_status()
        with self.client.stream("GET", "gradio_api/queue/data", params={"session_hash": self.session}) as lines:
            for line in lines.iter_lines():
                said = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if said.get("msg") == "process_completed":
                    return said
        raise AssertionError("the stream ended")

    def function(self, inputs: int, outputs: int) -> int:
        """The number of the first function of the queue with so many inputs and outputs."""
        config = self.client.get("config").json()
        return next(
            each["id"]
            for each in config["dependencies"]
            if each["queue"] and (len(each["inputs"]), len(each["outputs"])) == (inputs, outputs)
        )

    def look(self, *files: Path) -> str:
        """What the page says of files, as HTML; the error where it says one."""
        gallery = [{"image": each, "caption": None} for each in self.upload(*files)]
        said = self.call(self.function(5, 4), [gallery, "", "guess", False, 16])
        return said["output"]["data"][0] if said["success"] else str(said["output"])
