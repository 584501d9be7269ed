"""What carries one request and its answer: real sockets, or what a simulation puts in their place."""

import threading
import zlib
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Protocol

import httpx

from trader import __version__

USER_AGENT = f"(milkbot.ai, milkbot/{__version__})"
MAX_BYTES = 16 * 1024 * 1024
"""Largest body accepted, before and after decompression. The largest recorded answer has 0.2 MB."""

Answered = tuple[int, Mapping[str, str], bytes]
"""Status, headers with lower-case names, whole body."""


class NoAnswer(Exception):
    """No complete answer came; whether the request had an effect is unknown."""


class Wire(Protocol):
    """Carries one request, once. Raises NoAnswer."""

    def carry(
        self,
        method: str,
        url: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> Answered: ...

    def close(self) -> None: ...


class Sockets:
    """Real sockets, with a hard deadline of ``timeout_s`` real seconds for all phases of a call.

    Every call runs on a helper thread and is abandoned at its deadline, because no socket time-out bounds
    name resolution or a peer that trickles bytes; one abandoned before its first byte sends none. Redirects
    are not followed: they would carry headers elsewhere.
    """

    def __init__(self, *, timeout_s: float, max_bytes: int = MAX_BYTES) -> None:
        self._timeout_s, self._max_bytes = timeout_s, max_bytes
        self._idle: list[_Worker] = []
        self._client = httpx.Client(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,  # a proxy variable must not reroute signed requests
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30),
        )

    def close(self) -> None:
        while self._idle:
            self._idle.pop().calls.put(None)
        self._client.close()

    def carry(
        self,
        method: str,
        url: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> Answered:
        call = _Call(self._client, method, url, dict(params), dict(headers), content, self._max_bytes)
        worker = self._worker()
        worker.calls.put(call)
        if not call.is_done.wait(self._timeout_s):
            call.is_abandoned.set()
            worker.calls.put(None)  # it ends when the call it hangs in ends; nobody waits for it
            raise NoAnswer(f"expected an answer within {self._timeout_s} s, found none")
        self._idle.append(worker)
        if call.answer is None:
            raise NoAnswer(f"expected an answer, found {call.problem}") from call.error
        return call.answer

    def _worker(self) -> "_Worker":
        try:
            return self._idle.pop()
        except IndexError:
            return _Worker()


class _Worker:
    """A helper thread that makes one call after the other, until it is given None."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        threading.Thread(target=self._work, name="http-calls", daemon=True).start()

    def _work(self) -> None:
        while (call := self.calls.get()) is not None:
            try:
                call.run()
            finally:
                call.is_done.set()


class _Call:
    """One exchange on a helper thread. ``answer`` is set when the whole body is here, else ``problem``."""

    def __init__(
        self,
        client: httpx.Client,
        method: str,
        url: str,
        params: dict[str, str],
        headers: dict[str, str],
        content: bytes | None,
        max_bytes: int,
    ) -> None:
        self._client, self._max_bytes = client, max_bytes
        self._request = (method, url, params, headers, content)
        self.is_abandoned, self.is_done = threading.Event(), threading.Event()
        self.answer: tuple[int, Mapping[str, str], bytes] | None = None
        self.problem = "nothing"
        self.error: Exception | None = None

    def run(self) -> None:
        method, url, params, headers, content = self._request
        try:
            with self._client.stream(
                method,
                url,
                params=params,
                headers=headers,
                content=content,
                extensions={"trace": self._before_sending},
            ) as response:
                parts, size = [], 0
                for part in response.iter_raw():
                    size += len(part)
                    if size > self._max_bytes:
                        self.problem = f"more than {self._max_bytes} bytes"
                        return
                    if self.is_abandoned.is_set():
                        return
                    parts.append(part)
                received = {name.lower(): value for name, value in response.headers.items()}
                body = self._decoded(b"".join(parts), received.get("content-encoding", "identity").lower())
                if body is not None:
                    self.answer = (response.status_code, received, body)
        # everything ends in a value: an exception on a helper thread would vanish, and messages may hold the
        # URL only
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpx.StreamError,
            zlib.error,
            OSError,
            RuntimeError,
        ) as error:
            self.problem, self.error = type(error).__name__, error

    def _before_sending(self, event: str, _: object) -> None:
        """Stop a call that spent its time on name resolution: no order may leave after it was given up."""
        if event.endswith("send_request_headers.started") and self.is_abandoned.is_set():
            raise RuntimeError("abandoned before the first byte")

    def _decoded(self, raw: bytes, encoding: str) -> bytes | None:
        if encoding == "identity":
            return raw
        if encoding != "gzip":
            self.problem = f"content encoding {encoding[:20]!r}"
            return None
        unpacker = zlib.decompressobj(wbits=31)
        body = unpacker.decompress(raw, self._max_bytes + 1)
        if len(body) > self._max_bytes or not unpacker.eof:
            self.problem = f"a compressed body that is cut or larger than {self._max_bytes} bytes"
            return None
        return body
