"""A way for the packets of a call that can be cut: what a browser sees when its network is gone."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Request, Route

_CANDIDATE = re.compile(
    r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host\r\n", re.IGNORECASE
)
_ANY_CANDIDATE = re.compile(r"a=(?:candidate:.*|end-of-candidates)\r\n")
_BYTES = 2048
_WAKE_S = 0.1


class Datagrams:
    """Stands between a browser and the server in a call, once `meet` has changed the SDP."""

    def __init__(self) -> None:
        self.is_cut = False
        self.num_calls = 0
        self.locations: list[str] = []
        self._near = self._far = ("", 0)
        self._near_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._far_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._is_over = threading.Event()

    @contextmanager
    def carrying(self) -> Iterator[Datagrams]:
        sockets = (self._near_socket, self._far_socket)
        for one in sockets:
            one.bind(("0.0.0.0", 0))  # noqa: S104 - a call takes the machine's own address
            one.settimeout(_WAKE_S)
        threads = [threading.Thread(target=self._carry, args=(one,)) for one in sockets]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()
            for one in sockets:
                one.close()

    def meet(self, route: Route, request: Request) -> None:
        """Let the two sides of a call know each other by our address alone."""
        if request.method == "PATCH":
            route.fulfill(status=204)
        elif request.method != "POST":
            route.continue_()
        else:
            offer = _ANY_CANDIDATE.sub("", request.post_data or "")
            answered = route.fetch(post_data=offer)
            self.num_calls += 1
            self.locations.append(answered.headers.get("location", ""))
            route.fulfill(response=answered, body=self._between(answered.text()))

    def _between(self, answer: str) -> str:
        place = _CANDIDATE.search(answer)
        assert place, f"no address to come between: {answer}"
        self._far = (place[1], int(place[2]))
        port = self._near_socket.getsockname()[1]
        ours = f"a=candidate:1 1 udp 2130706431 {place[1]} {port} typ host\r\n"
        return re.sub(r"(m=.*\r\nc=.*\r\n)", rf"\1{ours}", _ANY_CANDIDATE.sub("", answer))

    def _carry(self, own: socket.socket) -> None:
        while not self._is_over.is_set():
            try:
                data, sender = own.recvfrom(_BYTES)
            except OSError:
                continue
            if self.is_cut:
                continue
            if own is self._near_socket:
                self._near = sender
                self._far_socket.sendto(data, self._far)
            elif self._near[1]:
                self._near_socket.sendto(data, self._near)
