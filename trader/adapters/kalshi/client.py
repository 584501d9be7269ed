"""Signed HTTP calls of the exchange: limits, paging, error shapes, clock skew. Knows no trading."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from trader.adapters.fields import Fields, read_json
from trader.adapters.http import HttpClient, Response
from trader.adapters.kalshi.limits import Limits
from trader.adapters.kalshi.signing import Signer
from trader.domain.errors import MalformedPayload, TransientError, VenueRejected
from trader.ports.clock import Clock
from trader.ports.exchange import clock_words

PAGE_LIMIT, MAX_PAGES = 1000, 200
EXPIRED = "header_timestamp_expired"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, with the body it came from."""

    fields: Fields
    response: Response


class KalshiClient:
    """One environment of the exchange. Without a signer only public data can be read."""

    def __init__(
        self, http: HttpClient, base_url: str, *, clock: Clock, signer: Signer | None = None
    ) -> None:
        """``base_url`` includes ``/trade-api/v2``; the settings have checked it against the mode's hosts."""
        self._http, self._base, self._clock, self._signer = http, base_url.rstrip("/"), clock, signer
        self._root = urlsplit(self._base).path
        self.limits = Limits(clock)
        self.server_time: datetime | None = None
        self.skew_s: float | None = None
        """Our clock minus the exchange's in seconds, positive when ours is ahead; half a second of it is
        rounding.
        """

    @property
    def account(self) -> str | None:
        return self._signer.account if self._signer else None

    def get(
        self,
        path: str,
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        is_answer: Callable[[Response], bool] | None = None,
    ) -> Response:
        """Read with retries. Raises TransientError without an answer, VenueRejected for a 4xx.

        A refused timestamp is signed afresh once; a second refusal means the clocks differ.
        """
        response = self._get(path, what, params, is_answer)
        if response.status == 401 and refusal_code(response) == EXPIRED:
            response = self._get(path, what, params, is_answer)
        if 200 <= response.status < 300 or (is_answer is not None and is_answer(response)):
            return response
        code = refusal_code(response) or "unreadable"
        if response.status < 400:
            raise TransientError(
                f"{what}: expected an answer, found redirect {response.status}; not followed"
            )
        why = f", {clock_words(self.skew_s)}" if code == EXPIRED else ""
        raise VenueRejected(
            f"{what}: expected an answer, found refusal {response.status} {code}{why}",
            status=response.status,
            code=code,
        )

    def _get(
        self,
        path: str,
        what: str,
        params: Mapping[str, str] | None,
        is_answer: Callable[[Response], bool] | None,
    ) -> Response:
        def headers() -> Mapping[
            str, str
        ]:  # asked once per try, so each try costs a token and has its own signature
            self.limits.take("GET", path)
            return self._signed("GET", path)

        response = self._http.read(
            self._base + path, what=what, params=params, headers=headers, is_answer=is_answer
        )
        self._measure_skew(response)
        return response

    def write(
        self,
        method: str,
        path: str,
        *,
        what: str,
        params: Mapping[str, str],
        fence: Callable[[], None],
        body: Any = None,
    ) -> Response:
        """Send a create or cancel exactly once and return any status. Raises TransientError: fate unknown.

        ``fence`` is asked after signing: a process that slept in between wakes up with a signature that the
        exchange refuses as too old (at most 30 s), or is stopped by the fence.
        """
        self.limits.take(method, path)
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        kind = {} if content is None else {"Content-Type": "application/json"}
        response = self._http.send_once(
            method,
            self._base + path,
            what=what,
            params=params,
            content=content,
            headers=lambda: {**kind, **self._signed(method, path)},
            fence=fence,
        )
        self._measure_skew(response)
        return response

    def get_pages(
        self,
        path: str,
        name: str,
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        limit: int = PAGE_LIMIT,
        needs_cursor: bool = True,
    ) -> list[Page]:
        """Read every page of a list whose rows are under ``name``.

        Only where a list may come without a cursor (``needs_cursor`` False) does a missing one end it. The
        exchange answers a cursor it does not know with the first page. Raises TransientError when a
        cursor or a first row comes twice or a page is malformed: a partial list is never returned.
        """
        pages: list[Page] = []
        cursors: set[str] = set()
        firsts: list[Any] = []
        cursor = ""
        while True:
            asked = {**(params or {}), "limit": str(limit), **({"cursor": cursor} if cursor else {})}
            response = self.get(path, what=what, params=asked)
            try:
                fields = read_json(response.body, what)
                is_last = not needs_cursor and "cursor" not in fields.names()
                rows, cursor = fields.items(name), "" if is_last else fields.text("cursor", allow_empty=True)
            except MalformedPayload as error:
                raise TransientError(f"{error}; the list was not used") from error
            if rows and rows[0] in firsts:
                raise TransientError(
                    f"{what}: expected a new page, found the first row again; the list was not used"
                )
            if cursor in cursors or len(pages) >= MAX_PAGES:
                raise TransientError(
                    f"{what}: expected a new cursor, found a repeated one; the list was not used"
                )
            pages.append(Page(fields, response))
            firsts.extend(rows[:1])
            if not cursor:
                return pages
            cursors.add(cursor)

    def adopt_limits(self) -> str:
        """Use the exchange's list of costs and, with a key, the account's own rates; return its tier.

        Raises TransientError when they cannot be read; what was in force before then stays.
        """
        try:
            costs = self.get("/account/endpoint_costs", what="request costs")
            self.limits.adopt_costs(read_json(costs.body, "request costs"), self._root)
            if self._signer is not None:
                account = self.get("/account/limits", what="account limits")
                self.limits.adopt_account(read_json(account.body, "account limits"))
        except (VenueRejected, MalformedPayload) as error:
            raise TransientError(f"{error}; the limits in force stay") from error
        return self.limits.tier

    def _signed(self, method: str, path: str) -> Mapping[str, str]:
        if self._signer is None:
            return {}
        return self._signer.headers(method, self._root + path, self._clock.now())

    def _measure_skew(self, response: Response) -> None:
        """Compare clocks in the middle of the call; the header is cut to whole seconds, hence the half."""
        if response.headers.get("age", "0") != "0":  # a cache's copy carries an old date
            return
        try:
            said = parsedate_to_datetime(response.headers["date"])
        except (KeyError, ValueError, TypeError):
            return
        if said.tzinfo is None:
            return
        self.server_time = said + timedelta(seconds=0.5)
        middle = response.sent_at + (response.received_at - response.sent_at) / 2
        self.skew_s = (middle - self.server_time).total_seconds()


def refusal_code(response: Response) -> str | None:
    """Return the exchange's own error code from any of its four error shapes, None when there is none."""
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, dict):
        return _code(error.get("code"))
    if isinstance(error, str):
        return _code(error.replace(" ", "_"))
    if isinstance(value.get("msg"), str):
        return "parameter_validation"
    return _code(value.get("code"))


def _code(value: Any) -> str | None:
    """Codes are stored and logged, so only short plain words pass."""
    if isinstance(value, str) and 0 < len(value) <= 80 and value.isascii() and value.isprintable():
        return value
    return None
