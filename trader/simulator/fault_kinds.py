"""Every fault the simulator can commit: its name, its number in the fault model, what it does.

docs/simulation.md's table is generated from here.
"""

from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """Where a fault strikes."""

    ANSWER = "answer"
    """A call is not answered, or answered wrongly."""
    BODY = "body"
    """A good answer is rewritten before it leaves."""
    STATE = "state"
    """The exchange or the weather service itself behaves otherwise, for a while or from an instant on."""


@dataclass(frozen=True, slots=True)
class About:
    """``model`` is the fault's number in the fault model; ``unit`` says what ``value`` means, if anything."""

    model: str
    layer: Layer
    meaning: str
    unit: str = ""


class FaultKind(StrEnum):
    TIMEOUT_BEFORE_ACCEPT = "timeout_before_accept"
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    IDS_REUSABLE = "ids_reusable"
    HTTP_429 = "http_429"
    HTTP_500 = "http_500"
    HTTP_503 = "http_503"
    HTTP_500_AFTER_ACCEPT = "http_500_after_accept"
    HTML_BODY = "html_body"
    EMPTY_OBJECT = "empty_object"
    ROWS_DROPPED = "rows_dropped"
    ROWS_DOUBLED = "rows_doubled"
    ROWS_SHUFFLED = "rows_shuffled"
    CURSOR_REPEATED = "cursor_repeated"
    ORDER_HIDDEN = "order_hidden"
    LATE_FILL = "late_fill"
    CANCEL_TOO_LATE = "cancel_too_late"
    DRIP_FILLS = "drip_fills"
    TRADING_PAUSE = "trading_pause"
    EXCHANGE_PAUSE = "exchange_pause"
    MARKET_PAUSE = "market_pause"
    EARLY_CLOSE = "early_close"
    CLOCK_OFFSET = "clock_offset"
    UNKNOWN_WORD = "unknown_word"
    FIELD_DROPPED = "field_dropped"
    FIELD_RENAMED = "field_renamed"
    NUMBER_FOR_STRING = "number_for_string"
    SUB_CENT_PRICE = "sub_cent_price"
    DROP_CONNECTION = "drop_connection"
    DROP_AFTER_ACCEPT = "drop_after_accept"
    CUT_BODY = "cut_body"
    TRICKLE = "trickle"
    UNREACHABLE = "unreachable"
    FOREIGN_ORDER = "foreign_order"
    LATE_SETTLEMENT = "late_settlement"
    DISPUTE = "dispute"
    REVISED_SETTLEMENT = "revised_settlement"
    FAIR_PRICE = "fair_price"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    CASH_MISSING = "cash_missing"
    READ_LAG = "read_lag"
    GRID_EXPIRED = "grid_expired"
    STATION_GONE = "station_gone"
    STALE_COPY = "stale_copy"
    FROZEN_VALUE = "frozen_value"
    NULL_VALUES = "null_values"
    NO_ROWS = "no_rows"
    WRONG_UNIT = "wrong_unit"
    ABSURD_VALUE = "absurd_value"
    FUTURE_TIME = "future_time"
    ZONE_MISSING = "zone_missing"
    TWO_EDGES = "two_edges"
    HUGE_BODY = "huge_body"
    GZIP_BOMB = "gzip_bomb"
    REDIRECT = "redirect"

    @property
    def about(self) -> About:
        return ABOUT[self]

    @property
    def is_applied_first(self) -> bool:
        """Whether the operation takes effect before the answer goes wrong."""
        return self.about.layer is Layer.BODY or self in _APPLIED_FIRST


_F = FaultKind
_APPLIED_FIRST = frozenset(
    {
        _F.TIMEOUT_AFTER_ACCEPT,
        _F.HTTP_500_AFTER_ACCEPT,
        _F.HTML_BODY,
        _F.EMPTY_OBJECT,
        _F.DROP_AFTER_ACCEPT,
        _F.CUT_BODY,
        _F.TRICKLE,
    }
)
_A, _B, _S = Layer.ANSWER, Layer.BODY, Layer.STATE
_DOLLARS, _SECONDS, _HOURS = "dollars", "seconds", "hours"

ABOUT: dict[FaultKind, About] = {
    _F.TIMEOUT_BEFORE_ACCEPT: About("E1", _A, "nothing is done, nothing is answered"),
    _F.TIMEOUT_AFTER_ACCEPT: About("E2", _A, "it is done, nothing is answered"),
    _F.IDS_REUSABLE: About("E3", _S, "a client order id is taken again once its order no longer rests"),
    _F.HTTP_429: About("E4", _A, "refused: too many requests"),
    _F.HTTP_500: About("E5", _A, "internal server error, nothing is done"),
    _F.HTTP_503: About("E5", _A, "gateway's own page instead of an answer, nothing is done"),
    _F.HTTP_500_AFTER_ACCEPT: About("E5", _A, "it is done, the answer says internal server error"),
    _F.HTML_BODY: About("E6", _A, "it is done, the answer is a page with status 200"),
    _F.EMPTY_OBJECT: About("E6", _A, "it is done, the answer is an empty object"),
    _F.ROWS_DROPPED: About("E7", _B, "a list lacks one of its rows"),
    _F.ROWS_DOUBLED: About("E7", _B, "a list has one of its rows twice"),
    _F.ROWS_SHUFFLED: About("E7", _B, "a list comes in another order"),
    _F.CURSOR_REPEATED: About("E7", _B, "a page names a cursor that leads to the first page again"),
    _F.ORDER_HIDDEN: About("E8", _S, "orders are listed late while their fills show at once", _SECONDS),
    _F.LATE_FILL: About("E9", _S, "an order fills in part after its cancel was confirmed", _SECONDS),
    _F.CANCEL_TOO_LATE: About("E10", _S, "an order fills just before its cancel, which answers not found"),
    _F.DRIP_FILLS: About("E11", _S, "what rests fills bit by bit", _SECONDS),
    _F.TRADING_PAUSE: About("E12", _S, "no order is taken, cancels are"),
    _F.EXCHANGE_PAUSE: About("E12", _S, "neither orders nor cancels are taken"),
    _F.MARKET_PAUSE: About("E12", _S, "a market is inactive; when it comes back its orders are cancelled"),
    _F.EARLY_CLOSE: About("E12", _S, "an event closes early, unannounced", _HOURS),
    _F.CLOCK_OFFSET: About("E13", _S, "the exchange's clock is ahead of the world's", _SECONDS),
    _F.UNKNOWN_WORD: About("E14", _B, "a status or another word nobody knows"),
    _F.FIELD_DROPPED: About("E14", _B, "a field is gone"),
    _F.FIELD_RENAMED: About("E14", _B, "a field has another name"),
    _F.NUMBER_FOR_STRING: About("E14", _B, "a decimal text has become a JSON number, or the reverse"),
    _F.SUB_CENT_PRICE: About("E14", _B, "a price between two cents"),
    _F.DROP_CONNECTION: About("E15", _A, "the connection is cut, nothing is done"),
    _F.DROP_AFTER_ACCEPT: About("E15", _A, "it is done, the connection is cut"),
    _F.CUT_BODY: About("E15", _A, "it is done, the connection is cut in the middle of the answer"),
    _F.TRICKLE: About("E15", _A, "it is done, the answer comes a byte at a time"),
    _F.UNREACHABLE: About("E16", _A, "nothing gets through, as without name resolution"),
    _F.FOREIGN_ORDER: About("E17", _S, "somebody places an order by hand"),
    _F.LATE_SETTLEMENT: About("E18", _S, "an event is determined late", _HOURS),
    _F.DISPUTE: About("E18", _S, "a determined event is disputed, amended, then paid", _HOURS),
    _F.REVISED_SETTLEMENT: About("E18", _S, "an event that was paid is paid anew, winners swapped", _HOURS),
    _F.FAIR_PRICE: About("E18", _S, "an event without data is settled at a price", "cents"),
    _F.DEPOSIT: About("E19", _S, "money comes in and is listed", _DOLLARS),
    _F.WITHDRAWAL: About("E19", _S, "money goes out and is listed", _DOLLARS),
    _F.CASH_MISSING: About("E19", _S, "money is gone and nothing says why", _DOLLARS),
    _F.READ_LAG: About("E20", _S, "the account is shown as it was a while ago", _SECONDS),
    _F.GRID_EXPIRED: About("W1", _A, "503: the office's grid is too old to be served"),
    _F.STATION_GONE: About("W1", _A, "404: no such place"),
    _F.STALE_COPY: About("W2", _S, "an edge's old copy: what was known a while ago", _HOURS),
    _F.FROZEN_VALUE: About("W3", _S, "a station repeats the value it had when this began"),
    _F.NULL_VALUES: About("W4", _B, "values are null"),
    _F.NO_ROWS: About("W4", _B, "the list of reports is empty"),
    _F.WRONG_UNIT: About("W5", _B, "degrees Fahrenheit labelled Celsius"),
    _F.ABSURD_VALUE: About("W5", _B, "a value no thermometer shows"),
    _F.FUTURE_TIME: About("W6", _B, "times three hours ahead"),
    _F.ZONE_MISSING: About("W6", _B, "times without a zone"),
    _F.TWO_EDGES: About("W7", _S, "every second call is answered with an old copy", _HOURS),
    _F.HUGE_BODY: About("W8", _A, "a body beyond any limit"),
    _F.GZIP_BOMB: About("W8", _A, "a small body that unpacks to a huge one"),
    _F.REDIRECT: About("W8", _A, "sent on to another host"),
}
