"""Runs that are wanted no more, and what runs tell of themselves."""

import threading

import gradio as gr

from fishfsr.web.photos import Cancelled, TellShare


class Stops:
    """Which sessions want no more of the run that they wait for."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, request: gr.Request) -> None:
        """A new run: what was wanted before is past."""
        with self._lock:
            self._wanted.discard(str(request.session_hash))

    def stop(self, request: gr.Request) -> None:
        """Heard by the session's run at its next step."""
        with self._lock:
            self._wanted.add(str(request.session_hash))

    def tell(self, request: gr.Request, progress: gr.Progress) -> TellShare:
        """What a run calls at each step: it shows, or raises Cancelled."""

        def told(share: float, text: str) -> None:
            with self._lock:
                if str(request.session_hash) in self._wanted:
                    raise Cancelled
            progress(share, desc=text)

        return told
