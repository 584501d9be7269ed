"""One synchronous HTTP client for all outside services: hard deadline, size cap, retries for reads only."""

import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from queue import SimpleQueue
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import httpx

from trader import __version__
from trader.domain.errors import InvariantViolation, TransientError
from trader.ports.clock import Clock
from trader.ports.exchange import RawPayload

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
USER_AGENT = f"(milkbot.ai, milkbot/{__version__})"
MAX_BYTES = 16 * 1024 * 1024
"""Largest body accepted, before and after decompression. The largest recorded answer has 0.2 MB."""

_FIRST_BACKOFF_S, _MAX_RETRY_AFTER_S = 0.5, 10.0
Headers = Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer. ``headers`` have lower-case names; ``sent_at`` and ``received_at`` are UTC."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at: datetime
    received_at: datetime

    @property
    def sha256(self) -> str:
        return sha256(self.body).hexdigest()

    def payload(self) -> RawPayload:
        """Return the body as it is stored; bytes that are not UTF-8 show as replacement characters."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip() or "application/octet-stream"
        text = self.body.decode("utf-8", "replace")
        return RawPayload(sha256=self.sha256, content_type=kind, body=text, received_at=self.received_at)


def join_path(*segments: str) -> str:
    """Return ``/a/b`` with each segment quoted. Raises InvariantViolation for an empty or relative segment.

    An empty segment is refused because a path that loses its last part may mean something much bigger.
    """
    if any(segment in ("", ".", "..") for segment in segments):
        raise InvariantViolation(f"path: expected segments with a name, found {segments}; nothing was sent")
    return "".join("/" + quote(segment, safe=",") for segment in segments)


class HttpClient:
    """Shared by all adapters and threads; used as a context manager.

    Every call runs on a helper thread and is abandoned at its deadline, because no socket time-out bounds
    name resolution or a peer that trickles bytes; one abandoned before its first byte sends none. Redirects
    are not followed: they would carry headers elsewhere.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        timeout_s: float = 10,
        attempts: int = 3,
        max_bytes: int = MAX_BYTES,
        seed: int = 0,
    ) -> None:
        """``timeout_s`` bounds one attempt in real seconds, all phases; ``seed`` is for the jitter."""
        self._clock, self._timeout_s, self._attempts = clock, timeout_s, attempts
        self._max_bytes, self._seed = max_bytes, seed
        self._idle: list[_Worker] = []
        self._client = httpx.Client(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,  # a proxy variable must not reroute signed requests
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().calls.put(None)
        self._client.close()

    def read(
        self,
        url: str,
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        headers: Headers | None = None,
        is_answer: Callable[[Response], bool] | None = None,
    ) -> Response:
        """GET with up to ``attempts`` tries and return any answer below 500 except 408 and 429.

        ``headers`` is asked anew for each try, so that signatures are never reused; ``is_answer`` names error
        statuses that mean something to the caller and end the tries. Raises TransientError, naming ``what``.
        """
        problem: TransientError | None = None
        for attempt in range(self._attempts):
            wait_s = self._backoff_s(url, attempt)
            try:
                response = self.send_once("GET", url, what=what, params=params, headers=headers)
            except TransientError as error:
                problem = error
            else:
                if response.status not in RETRIED_STATUSES or (is_answer is not None and is_answer(response)):
                    return response
                problem = TransientError(
                    f"{what}: expected an answer, found status {response.status} {_where(url)}"
                )
                wait_s = max(wait_s, _retry_after_s(response))
            if attempt + 1 < self._attempts:
                self._clock.sleep(wait_s)
        raise TransientError(f"{problem}; gave up after {self._attempts} tries") from problem

    def send_once(
        self,
        method: str,
        url: str,
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        headers: Headers | None = None,
        content: bytes | None = None,
    ) -> Response:
        """Send once, never again, and return whatever status came back.

        Raises TransientError when no complete answer arrived within the deadline; whether the request had an
        effect is then unknown.
        """
        sent = dict(headers() if headers else {})
        call = _Call(self._client, method, url, dict(params or {}), sent, content, self._max_bytes)
        sent_at = self._clock.now()
        worker = self._worker()
        worker.calls.put(call)
        if not call.is_done.wait(self._timeout_s):
            call.is_abandoned.set()
            worker.calls.put(None)  # it ends when the call it hangs in ends; nobody waits for it
            raise TransientError(
                f"{what}: expected an answer within {self._timeout_s} s, found none {_where(url)}"
            )
        self._idle.append(worker)
        if call.answer is None:
            raise TransientError(
                f"{what}: expected an answer, found {call.problem} {_where(url)}"
            ) from call.error
        status, received, body = call.answer
        return Response(status, received, body, sent_at, self._clock.now())

    def _worker(self) -> "_Worker":
        try:
            return self._idle.pop()
        except IndexError:
            return _Worker()

    def _backoff_s(self, url: str, attempt: int) -> float:
        """Return 0.5 s doubled per attempt, times 0.5 to 1.5: spread over callers, the same in every run."""
        digest = sha256(f"{self._seed} {url} {attempt}".encode()).digest()
        return float(_FIRST_BACKOFF_S * 2**attempt * (0.5 + digest[0] / 256))


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


def _where(url: str) -> str:
    parts = urlsplit(url)
    return f"from {parts.hostname}{parts.path}"


def _retry_after_s(response: Response) -> float:
    text = response.headers.get("retry-after", "")
    return min(float(text), _MAX_RETRY_AFTER_S) if text.isascii() and text.isdigit() else 0.0
