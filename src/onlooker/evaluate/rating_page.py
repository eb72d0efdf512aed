"""A local page on which a person rates two runs, pair by pair, without knowing which is which.

It listens on loopback only, and its address holds a secret: nobody else on the machine finds it.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

from PIL import Image

from onlooker.core.media import VideoFrame
from onlooker.evaluate.pairs import Pair, Rating, append_rating, tally
from onlooker.evaluate.prediction import Prediction

MAX_BODY_BYTES = 10_000
WIDTH_PX, QUALITY = 480, 60

Film = Callable[[str], Iterable[VideoFrame]]
"""Gives the frames of an item; none if it has no pictures."""


class RatingPage:
    """Serves pairs one after the other and writes ratings down.

    Raises:
        OSError: the port is taken.
    """

    def __init__(
        self, pairs: Sequence[Pair], rater: str, path: Path, film: Film, port: int = 0
    ) -> None:
        self._pairs = {pair.truth.item: pair for pair in pairs}
        self._rater, self._path, self._film = rater, path, film
        self._rated: dict[str, Rating] = {}
        self._lock = Lock()
        self.secret = secrets.token_urlsafe(16)
        handler = type("Handler", (_Handler,), {"page": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/{self.secret}/"

    def serve(self) -> None:
        """Serve until `close` is called from another thread, or the process is interrupted."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    # What the page asks for.

    def next_pair(self) -> dict[str, Any]:
        """Give the next pair that this rater has not rated, without the names of the runs."""
        left = [pair for item, pair in self._pairs.items() if item not in self._rated]
        done = {"num_rated": len(self._rated), "num_pairs": len(self._pairs)}
        if not left:
            return {**done, "tally": tally(list(self._rated.values()))}
        pair = left[0]
        truth = pair.truth
        due = [
            {
                "start_s": event.onset_s,
                "end_s": event.until_s,
                "action": event.action,
                "wanted": ", ".join(event.content.texts),
            }
            for event in truth.events
        ]
        asked = [{"time_s": one.since_s, "text": one.text} for one in truth.instructions]
        first, second = map(_said, pair.shown)
        return {
            **done,
            "item": truth.item,
            "duration_s": truth.duration_s,
            "asked": asked,
            "due": due,
            "said": [first, second],
        }

    def film(self, item: str) -> list[str]:
        """Give an item's pictures, one a second, as data URLs."""
        if item not in self._pairs:
            raise KeyError(item)
        shown: dict[int, str] = {}
        for frame in self._film(item):
            if (second := int(frame.time_s)) not in shown:
                shown[second] = _data_url(frame)
        return [shown[second] for second in sorted(shown)]

    def rate(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """Take a rating: `quality` and `timing` are first, second or tie.

        Raises:
            KeyError, ValueError: it is none.
        """
        pair = self._pairs[plain["item"]]
        for name in ("quality", "timing"):
            if plain[name] not in ("first", "second", "tie"):
                raise ValueError(f"{name} is {plain[name]!r}: first, second or tie")
        rating = Rating(
            pair.truth.item,
            self._rater,
            pair.winner(plain["quality"]),
            pair.winner(plain["timing"]),
            pair.first,
        )
        with self._lock:
            append_rating(self._path, rating)
            self._rated[rating.item] = rating
        return {"num_rated": len(self._rated)}

    def skip_rated(self, ratings: Iterable[Rating]) -> None:
        """Leave out what this rater has rated before."""
        for rating in ratings:
            if rating.rater == self._rater and rating.item in self._pairs:
                self._rated[rating.item] = rating


class _Handler(BaseHTTPRequestHandler):
    page: RatingPage

    def do_GET(self) -> None:
        path, _, query = self._path()
        if path == "":
            html = files(__package__).joinpath("compare.html").read_bytes()
            self._send(200, html, "text/html; charset=utf-8")
        elif path == "next":
            self._answer(self.page.next_pair)
        elif path == "film":
            self._answer(lambda: self.page.film(query))
        else:
            self._send(404, b"{}", "application/json")

    def do_POST(self) -> None:
        path, *_ = self._path()
        size = int(self.headers.get("Content-Length") or 0)
        # A page of another site cannot send this type without asking first.
        is_json = self.headers.get("Content-Type") == "application/json"
        if path != "rate" or size > MAX_BODY_BYTES or not is_json:
            self._send(404, b"{}", "application/json")
            return
        body = self.rfile.read(size)
        self._answer(lambda: self.page.rate(json.loads(body)))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the address is a secret."""

    def _path(self) -> tuple[str, str, str]:
        path, mark, query = self.path.partition("?")
        known = f"/{self.page.secret}/"
        is_ours = self.headers.get("Host") == f"127.0.0.1:{self.page.port}"
        if not is_ours or not path.startswith(known):
            return "nothing", mark, query
        return path.removeprefix(known), mark, query

    def _answer(self, make: Callable[[], Any]) -> None:
        try:
            body, status = json.dumps(make()).encode(), 200
        except (KeyError, ValueError, TypeError) as error:
            body, status = json.dumps({"error": str(error)}).encode(), 400
        self._send(status, body, "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)


def _said(prediction: Prediction) -> list[dict[str, Any]]:
    return [
        {"time_s": one.time_s, "text": one.text, "question": one.question}
        for one in prediction.emissions
    ]


def _data_url(frame: VideoFrame) -> str:
    image = Image.fromarray(frame.pixels_HWC)
    image.thumbnail((WIDTH_PX, WIDTH_PX))
    written = BytesIO()
    image.save(written, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
