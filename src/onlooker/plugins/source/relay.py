"""A connection to an RTSP camera that FFmpeg is given at second hand.

FFmpeg follows a camera that says "look there instead" (a status 3xx) to wherever that is. So it
is given an address on loopback, behind which this passes on what goes to and fro with the one host
that was checked, and hangs up at the first word of a redirection. Of `rtsps` it takes the
certificate upon itself, which is checked against the name.
"""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import suppress
from threading import Thread

from onlooker.core.errors import SourceFailed, SourceRefused
from onlooker.plugins.source.reach import Reach

CHUNK_BYTES = 65_536
MARK = b"RTSP/"  # how an answer begins; in five bytes of a picture once in a terabyte
# What may follow: this version and a status that is no redirection, or the end of the line, in a
# request of the camera's. Nothing else, since FFmpeg reads leniently.
AFTER_MARK = (b"1", b".", b"0", b" ", b"1245", b"0123456789", b"0123456789")


class Relay:
    """One connection. Blocks while it is opened; then it works in a thread of its own."""

    def __init__(
        self, reach: Reach, place: tuple[str, int], trust: ssl.SSLContext | None, patience_s: float
    ) -> None:
        self._reach = reach
        self._place = place  # host, port
        self._trust = trust  # of TLS, if the camera speaks it
        self._patience_s = patience_s
        self._sockets: list[socket.socket] = []
        self.trouble = ""  # why it hung up

    def open(self) -> int:
        """Connect, and give the port on loopback that leads there, for one who comes.

        Raises:
            SourceFailed: the host may not be reached, or does not answer.
        """
        try:
            camera = self._connected()
        except SourceRefused as error:
            raise SourceFailed(str(error)) from None
        except TimeoutError:
            raise SourceFailed(f"no answer within {self._patience_s:g} s") from None
        except ssl.SSLError:
            raise SourceFailed(
                "no secure connection; for a certificate of your own set verify_tls to false"
            ) from None
        except OSError as error:
            raise SourceFailed((error.strerror or str(error)).lower()) from None
        listening = socket.create_server(("127.0.0.1", 0))
        self._sockets += [camera, listening]
        Thread(
            target=self._serve, args=(listening, camera), name="onlooker-relay", daemon=True
        ).start()
        return int(listening.getsockname()[1])

    def close(self) -> None:
        """Hang up at both ends."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _connected(self) -> socket.socket:
        host, port = self._place
        failed: OSError = TimeoutError()
        for address in self._reach.addresses_of(host, port):
            try:
                plain = socket.create_connection((str(address), port), self._patience_s)
            except OSError as error:
                failed = error
                continue
            try:
                return (
                    self._trust.wrap_socket(plain, server_hostname=host) if self._trust else plain
                )
            except OSError:
                plain.close()
                raise
        raise failed

    def _serve(self, listening: socket.socket, camera: socket.socket) -> None:
        with suppress(OSError, ValueError):  # one of them hung up, or `close` did
            listening.settimeout(self._patience_s)
            client, _ = listening.accept()
            listening.close()  # nobody else
            self._sockets.append(client)
            self._pass_on(client, camera)
        self.close()

    def _pass_on(self, client: socket.socket, camera: socket.socket) -> None:
        read = b""
        while True:
            is_left = isinstance(camera, ssl.SSLSocket) and camera.pending() > 0
            ready = [camera] if is_left else select.select([client, camera], [], [])[0]
            for one in ready:
                data = self._received(one)
                if data is None:
                    continue
                if not data:
                    return
                if one is camera:
                    read = read[-32:] + data.replace(b"\r", b"")  # which FFmpeg passes over
                    if leads_elsewhere(read):
                        self.trouble = "the camera redirects to another address, which is refused"
                        return
                (client if one is camera else camera).sendall(data)

    def _received(self, one: socket.socket) -> bytes | None:
        """Take what is there; None: nothing after all, as TLS has words of its own."""
        one.settimeout(0)
        try:
            return one.recv(CHUNK_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        finally:
            one.settimeout(self._patience_s)


def leads_elsewhere(read: bytes) -> bool:
    """Whether an answer begins in this that is, or may be, a redirection."""
    start = read.find(MARK)
    while start >= 0:
        after = read[start + len(MARK) :][: len(AFTER_MARK)].partition(b"\n")[0]
        if any(byte not in may for byte, may in zip(after, AFTER_MARK, strict=False)):
            return True
        start = read.find(MARK, start + 1)
    return False
