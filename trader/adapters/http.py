"""One synchronous HTTP client for all outside services: hard deadline, size cap, retries for reads only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from trader.adapters.wire import MAX_BYTES, NoAnswer, Sockets, Wire
from trader.domain.errors import InvariantViolation, TransientError
from trader.ports.clock import Clock
from trader.ports.exchange import RawPayload

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

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

    Requests travel over real sockets unless another ``wire`` is given, as a simulation does.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        timeout_s: float = 10,
        attempts: int = 3,
        max_bytes: int = MAX_BYTES,
        seed: int = 0,
        wire: Wire | None = None,
    ) -> None:
        """``timeout_s`` bounds one attempt in real seconds, all phases; ``seed`` is for the jitter."""
        self._clock, self._attempts, self._seed = clock, attempts, seed
        self._wire = wire or Sockets(timeout_s=timeout_s, max_bytes=max_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

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
        fence: Callable[[], None] | None = None,
    ) -> Response:
        """Send once, never again, and return whatever status came back.

        ``fence`` is asked between the headers, where a signature's time is taken, and the first byte; what it
        raises stops the send. Raises TransientError when no complete answer arrived within the deadline;
        whether the request had an effect is then unknown.
        """
        sent = dict(headers() if headers else {})
        if fence is not None:
            fence()
        sent_at = self._clock.now()
        try:
            status, received, body = self._wire.carry(method, url, dict(params or {}), sent, content)
        except NoAnswer as error:
            raise TransientError(f"{what}: {error} {_where(url)}") from error.__cause__
        return Response(status, received, body, sent_at, self._clock.now())

    def _backoff_s(self, url: str, attempt: int) -> float:
        """Return 0.5 s doubled per attempt, times 0.5 to 1.5: spread over callers, the same in every run."""
        digest = sha256(f"{self._seed} {url} {attempt}".encode()).digest()
        return float(_FIRST_BACKOFF_S * 2**attempt * (0.5 + digest[0] / 256))


def _where(url: str) -> str:
    parts = urlsplit(url)
    return f"from {parts.hostname}{parts.path}"


def _retry_after_s(response: Response) -> float:
    text = response.headers.get("retry-after", "")
    return min(float(text), _MAX_RETRY_AFTER_S) if text.isascii() and text.isdigit() else 0.0
