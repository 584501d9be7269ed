"""A way to Postgres that can be cut: before a commit reaches the server, after it did, or at a statement.

One thread relays bytes both ways and reads the client's messages as they pass (frontend/backend protocol 3:
one type byte, four bytes of length, body). A cut that is armed strikes the next message that fits, whichever
connection brings it, and closes that connection.
"""

import selectors
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Cut(StrEnum):
    """Where the connection is cut."""

    STATEMENT = "statement"
    """A statement does not reach the server."""
    BEFORE_COMMIT = "before commit"
    """The commit does not reach the server, which rolls back."""
    AFTER_COMMIT = "after commit"
    """The server has committed; its answer does not reach the client."""
    AFTER_ANSWER = "after answer"
    """The client has its answer, then the connection is gone."""


@dataclass
class _Pair:
    """One connection: the client's socket, the server's, and what is half read of the client's words."""

    client: socket.socket
    server: socket.socket
    words: bytearray = field(default_factory=bytearray)
    is_begun: bool = False
    is_empty: bool = False
    """The last statement parsed was an empty one: the pool asking whether we live."""
    ends: Cut | None = None
    """What ends this connection once the server is ready again."""
    heard: bytearray = field(default_factory=bytearray)


class Proxy:
    """Listens on a free loopback port and relays to ``host:port``. ``struck`` counts the cuts."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.struck: Counter[Cut] = Counter()
        self._armed: Cut | None = None
        self._last: Cut | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._is_over = False
        self._thread = threading.Thread(target=self._relay, name="proxy", daemon=True)
        self._thread.start()

    def arm(self, cut: Cut) -> None:
        """Strike the next message that fits."""
        self._armed, self._last = cut, None

    def disarm(self) -> Cut | None:
        """Return what struck since ``arm``, None when nothing did."""
        self._armed = None
        return self._last

    def close(self) -> None:
        self._is_over = True
        self._wake.send(b"x")
        self._thread.join(timeout=5)
        for one in (self._listener, self._wake, self._woken):
            one.close()
        self._selector.close()

    def _relay(self) -> None:
        pairs: set[int] = set()
        while not self._is_over:
            for key, _ in self._selector.select(timeout=1.0):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.data is not None and key.data.client.fileno() >= 0:
                    self._pass_on(key.data, is_client=key.fileobj is key.data.client)
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                pairs.add(id(key.data))
                self._drop(key.data)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        pair = _Pair(client, socket.create_connection(self._target))
        for one in (pair.client, pair.server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(one, selectors.EVENT_READ, pair)

    def _drop(self, pair: _Pair) -> None:
        for one in (pair.client, pair.server):
            if one.fileno() >= 0:
                self._selector.unregister(one)
                one.close()

    def _strike(self, pair: _Pair, cut: Cut) -> None:
        self.struck[cut] += 1
        self._armed, self._last = None, cut
        if cut in (Cut.STATEMENT, Cut.BEFORE_COMMIT):
            self._drop(pair)
        else:
            pair.ends = cut

    def _pass_on(self, pair: _Pair, *, is_client: bool) -> None:
        one, other = (pair.client, pair.server) if is_client else (pair.server, pair.client)
        try:
            data = one.recv(1 << 16)
            if not data:
                self._drop(pair)
            elif is_client:
                self._read_client(pair, data)
            elif pair.ends is None:
                other.sendall(data)
            else:
                self._read_ending(pair, data)
        except OSError:
            self._drop(pair)

    def _read_client(self, pair: _Pair, data: bytes) -> None:
        """Look at each whole message, then send all on, unless a cut came first."""
        pair.words += data
        while (size := self._size(pair)) and len(pair.words) >= size:
            message = bytes(pair.words[:size])
            cut = self._armed if pair.is_begun else None
            if cut is not None and self._fits(pair, message, cut):
                self._strike(pair, cut)
                if pair.client.fileno() < 0:
                    return
            pair.is_begun = True
            pair.server.sendall(message)
            del pair.words[:size]

    def _size(self, pair: _Pair) -> int:
        """Bytes of the message that begins; the first one of a connection has no type byte."""
        start = 1 if pair.is_begun else 0
        if len(pair.words) < start + 4:
            return 0
        return int(start + struct.unpack_from("!I", pair.words, start)[0])

    def _fits(self, pair: _Pair, message: bytes, cut: Cut) -> bool:
        kind, body = message[:1], message[5:]
        if kind == b"Q":
            is_commit = body.upper().startswith(b"COMMIT")
            is_plain = body.rstrip(b"\0").strip() != b"" and not body.upper().startswith(
                (b"BEGIN", b"ROLLBACK")
            )
            return is_commit if cut is not Cut.STATEMENT else is_plain and not is_commit
        if kind == b"P":
            pair.is_empty = body.split(b"\0")[1].strip() == b""
            return cut is Cut.STATEMENT and not pair.is_empty
        return kind == b"B" and cut is Cut.STATEMENT and not pair.is_empty

    def _read_ending(self, pair: _Pair, data: bytes) -> None:
        """The server answers the commit: let the answer through or not, and cut when it is ready again."""
        pair.heard += data
        if pair.ends is Cut.AFTER_ANSWER:
            pair.client.sendall(data)
        while len(pair.heard) >= 5:
            size = 1 + struct.unpack_from("!I", pair.heard, 1)[0]
            if len(pair.heard) < size:
                return
            if pair.heard[:1] == b"Z":
                self._drop(pair)
                return
            del pair.heard[:size]
