"""What a fault makes of an answer: none, a wrong one, or a good one rewritten."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from trader.simulator.fault_kinds import FaultKind
from trader.simulator.http import Answer, answer, as_json
from trader.simulator.refusals import too_many_requests

HUGE = 17 * 1024 * 1024
"""One mebibyte more than any client of ours accepts."""

_WORDS = (
    "status", "result", "market_result", "outcome_side", "book_side", "side", "action", "strike_type",
    "market_type", "fee_type",
)  # fmt: skip
_TIMES = ("timestamp", "issuanceTime", "updateTime", "generatedAt", "fetched_utc", "startTime", "time")
Place = tuple[dict[str, Any], str]


@dataclass(frozen=True, slots=True)
class NoReply:
    """The caller gets no whole answer: its connection is cut at once, or after it waited as long as it would.

    ``begun`` is an answer of which it sees the beginning: half of it, or a byte at a time.
    """

    at_once: bool
    begun: Answer | None = None


def spoil(kind: FaultKind, reply: Answer | None, random: Random) -> Answer | NoReply:
    """Return what leaves instead. ``reply`` is what would have been answered, None when nothing was done.

    A body fault that finds nothing to rewrite leaves the answer as it is.
    """
    if kind in _UNANSWERED:
        is_begun = kind in (FaultKind.CUT_BODY, FaultKind.TRICKLE)
        return NoReply(at_once=kind in _CUT, begun=reply if is_begun else None)
    if kind in _WRONG:
        return _WRONG[kind]()
    if reply is None:
        raise ValueError(f"{kind}: expected an answer to rewrite, found none")
    try:
        body = json.loads(reply.body)
    except ValueError:
        return reply
    if not isinstance(body, dict) or reply.status >= 300:
        return reply
    _REWRITES[kind](body, random)
    return replace(reply, body=as_json(body))


def _gateway(status: int) -> Answer:
    return Answer(status, b"<html><body><h1>upstream gateway</h1></body></html>", "text/html")


def _problem(status: int, kind: str) -> Answer:
    place = "https://api.weather.gov/problems/"
    body = {
        "correlationId": "0",
        "title": kind,
        "type": place + kind,
        "status": status,
        "detail": "",
        "instance": "",
    }
    return Answer(status, as_json(body), "application/problem+json")


def _error() -> Answer:
    return answer(500, {"error": {"code": "internal_server_error", "message": "internal server error"}})


_UNANSWERED = frozenset(
    {
        FaultKind.TIMEOUT_BEFORE_ACCEPT,
        FaultKind.TIMEOUT_AFTER_ACCEPT,
        FaultKind.DROP_CONNECTION,
        FaultKind.DROP_AFTER_ACCEPT,
        FaultKind.CUT_BODY,
        FaultKind.TRICKLE,
        FaultKind.UNREACHABLE,
    }
)
_CUT = frozenset(
    {FaultKind.DROP_CONNECTION, FaultKind.DROP_AFTER_ACCEPT, FaultKind.CUT_BODY, FaultKind.UNREACHABLE}
)
_WRONG: dict[FaultKind, Callable[[], Answer]] = {
    FaultKind.HTTP_429: lambda: answer(429, too_many_requests().body),
    FaultKind.HTTP_500: _error,
    FaultKind.HTTP_500_AFTER_ACCEPT: _error,
    FaultKind.HTTP_503: lambda: _gateway(503),
    FaultKind.HTML_BODY: lambda: _gateway(200),
    FaultKind.EMPTY_OBJECT: lambda: answer(200, {}),
    FaultKind.GRID_EXPIRED: lambda: _problem(503, "ForecastGridExpired"),
    FaultKind.STATION_GONE: lambda: _problem(404, "NotFound"),
    FaultKind.HUGE_BODY: lambda: Answer(200, b'{"x":"' + b"x" * HUGE + b'"}'),
    FaultKind.GZIP_BOMB: lambda: Answer(
        200, gzip.compress(b"0" * HUGE, 1), headers=(("content-encoding", "gzip"),)
    ),
    FaultKind.REDIRECT: lambda: Answer(302, headers=(("location", "http://elsewhere.invalid/"),)),
}


# rewriting


def _places(value: Any) -> Iterator[Place]:
    """Every (object, key) of a JSON value, from the outside in."""
    if isinstance(value, dict):
        for key in value:
            yield value, key
        for item in list(value.values()):
            yield from _places(item)
    elif isinstance(value, list):
        for item in value:
            yield from _places(item)


def _choose(body: dict[str, Any], random: Random, fits: Callable[[Place], bool]) -> Place | None:
    found = [place for place in _places(body) if fits(place)]
    return random.choice(found) if found else None


def _unknown_word(body: dict[str, Any], random: Random) -> None:
    if place := _choose(body, random, lambda at: at[1] in _WORDS and isinstance(at[0][at[1]], str)):
        place[0][place[1]] = "surprising"


def _field_dropped(body: dict[str, Any], random: Random) -> None:
    if place := _choose(body, random, lambda _: True):
        del place[0][place[1]]


def _field_renamed(body: dict[str, Any], random: Random) -> None:
    if place := _choose(body, random, lambda _: True):
        place[0][place[1] + "_v3"] = place[0].pop(place[1])


def _is_decimal(value: Any) -> bool:
    return isinstance(value, str) and value.replace(".", "", 1).isdigit()


def _number_for_string(body: dict[str, Any], random: Random) -> None:
    def fits(place: Place) -> bool:
        value = place[0][place[1]]
        return _is_decimal(value) or (isinstance(value, int | float) and not isinstance(value, bool))

    if place := _choose(body, random, fits):
        value = place[0][place[1]]
        place[0][place[1]] = float(value) if isinstance(value, str) else str(value)


def _sub_cent_price(body: dict[str, Any], random: Random) -> None:
    if place := _choose(body, random, lambda at: at[1].endswith("_dollars") and _is_decimal(at[0][at[1]])):
        place[0][place[1]] = f"{float(place[0][place[1]]) + 0.0051:.4f}"


def _rows(body: dict[str, Any]) -> list[Any] | None:
    """The page's list, if it has one with rows."""
    lists = [value for name, value in body.items() if isinstance(value, list) and value]
    return lists[0] if lists else None


def _rows_dropped(body: dict[str, Any], random: Random) -> None:
    if rows := _rows(body):
        del rows[random.randrange(len(rows))]


def _rows_doubled(body: dict[str, Any], random: Random) -> None:
    if rows := _rows(body):
        rows.insert(random.randrange(len(rows)), rows[-1])


def _rows_shuffled(body: dict[str, Any], random: Random) -> None:
    if rows := _rows(body):
        random.shuffle(rows)


def _cursor_repeated(body: dict[str, Any], _: Random) -> None:
    if "cursor" in body:
        body["cursor"] = "bm93aGVyZQ"


def _no_rows(body: dict[str, Any], _: Random) -> None:
    if rows := _rows(body):
        rows.clear()


def _null_values(body: dict[str, Any], _: Random) -> None:
    for owner, key in list(_places(body)):
        if key == "value":
            owner[key] = None
        elif isinstance(owner.get(key), list) and key.startswith("temperature_2m"):
            owner[key] = [None] * len(owner[key])


def _wrong_unit(body: dict[str, Any], _: Random) -> None:
    """Celsius values become Fahrenheit ones under the same label; the ensemble's label changes instead."""
    for owner, key in list(_places(body)):
        if key == "value" and isinstance(owner[key], int | float):
            owner[key] = round(owner[key] * 9 / 5 + 32, 1)
        elif owner.get(key) == "°F":
            owner[key] = "°C"


def _absurd_value(body: dict[str, Any], random: Random) -> None:
    absurd = random.choice((9999, -9999.0, 1e30, "-0", "NaN", "1e2", 200))
    for owner, key in list(_places(body)):
        if key == "value" and owner[key] is not None:
            owner[key] = absurd
        elif key.startswith("temperature_2m") and isinstance(owner.get(key), list):
            owner[key] = [absurd] * len(owner[key])


def _times(body: dict[str, Any], change: Callable[[str], str]) -> None:
    for owner, key in list(_places(body)):
        value = owner.get(key)
        if key in _TIMES and isinstance(value, str) and "T" in value:
            owner[key] = change(value)
        elif key in _TIMES and isinstance(value, list):
            owner[key] = [change(item) if "T" in item else item for item in value]


def _future_time(body: dict[str, Any], _: Random) -> None:
    _times(body, lambda text: (datetime.fromisoformat(text) + timedelta(hours=3)).isoformat())


def _zone_missing(body: dict[str, Any], _: Random) -> None:
    _times(body, lambda text: text.removesuffix("Z").removesuffix("+00:00"))


_REWRITES: dict[FaultKind, Callable[[dict[str, Any], Random], None]] = {
    FaultKind.ROWS_DROPPED: _rows_dropped,
    FaultKind.ROWS_DOUBLED: _rows_doubled,
    FaultKind.ROWS_SHUFFLED: _rows_shuffled,
    FaultKind.CURSOR_REPEATED: _cursor_repeated,
    FaultKind.UNKNOWN_WORD: _unknown_word,
    FaultKind.FIELD_DROPPED: _field_dropped,
    FaultKind.FIELD_RENAMED: _field_renamed,
    FaultKind.NUMBER_FOR_STRING: _number_for_string,
    FaultKind.SUB_CENT_PRICE: _sub_cent_price,
    FaultKind.NULL_VALUES: _null_values,
    FaultKind.NO_ROWS: _no_rows,
    FaultKind.WRONG_UNIT: _wrong_unit,
    FaultKind.ABSURD_VALUE: _absurd_value,
    FaultKind.FUTURE_TIME: _future_time,
    FaultKind.ZONE_MISSING: _zone_missing,
}
