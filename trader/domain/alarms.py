"""What the trader notices and a person should look at: codes, how loud, what each means, what to do."""

from enum import StrEnum
from typing import NamedTuple

from trader.domain.types import Frozen, Instant, Severity


class AlarmCode(StrEnum):
    # silence: something expected did not arrive
    SERIES_EMPTY = "SERIES_EMPTY"
    EVENT_MISSING = "EVENT_MISSING"
    OBSERVATION_SILENT = "OBSERVATION_SILENT"
    FORECAST_SILENT = "FORECAST_SILENT"
    REPORT_MISSING = "REPORT_MISSING"
    RESULT_MISSING = "RESULT_MISSING"
    DECISION_SILENT = "DECISION_SILENT"
    NO_EDGE_FOR_A_WEEK = "NO_EDGE_FOR_A_WEEK"
    RUNS_MISSED = "RUNS_MISSED"
    # something is not as it should be
    RULES_NOT_PROVEN = "RULES_NOT_PROVEN"
    BRACKETS_NOT_PARTITION = "BRACKETS_NOT_PARTITION"
    FEE_TYPE_UNKNOWN = "FEE_TYPE_UNKNOWN"
    MARKET_PAUSED = "MARKET_PAUSED"
    GRID_CELL_MISPLACED = "GRID_CELL_MISPLACED"
    WEATHER_REFUSED = "WEATHER_REFUSED"
    CASH_SURPLUS = "CASH_SURPLUS"
    VENUE_NOTICE = "VENUE_NOTICE"


class Meaning(NamedTuple):
    """``do`` is the first thing a person looks at."""

    severity: Severity
    meaning: str
    do: str


_I, _W, _C = Severity.INFO, Severity.WARNING, Severity.CRITICAL
_A = AlarmCode
MEANINGS: dict[AlarmCode, Meaning] = {
    _A.SERIES_EMPTY: Meaning(
        _W,
        "The exchange lists no open market of a series: renamed, ended, or not opened yet.",
        "Look for the series' new name on the exchange; names stand in trader/cities.json.",
    ),
    _A.EVENT_MISSING: Meaning(
        _W,
        "A day that should be traded has no open market although its series has others.",
        "Look at the series on the exchange.",
    ),
    _A.OBSERVATION_SILENT: Meaning(
        _W,
        "A settlement station has not reported within its limit, or reports one value for hours.",
        "Look at the station on weather.gov; its city's running day is not traded.",
    ),
    _A.FORECAST_SILENT: Meaning(
        _W,
        "No source has issued a forecast of a city within its limit.",
        "Look at the forecast office's status; the city is not traded on old forecasts.",
    ),
    _A.REPORT_MISSING: Meaning(
        _W,
        "Yesterday's final climate report has not come 12 hours after the day ended.",
        "Look for the report on weather.gov; settlement will be late.",
    ),
    _A.RESULT_MISSING: Meaning(
        _W,
        "A market closed more than two days ago and has no published result.",
        "Look at the market on the exchange: disputed, or settled at a fair price.",
    ),
    _A.DECISION_SILENT: Meaning(
        _W,
        "No market of a city has been priced for a day: something above is missing for too long.",
        "Run milkbot status; the reasons of its markets say what.",
    ),
    _A.NO_EDGE_FOR_A_WEEK: Meaning(
        _W,
        "No market has been worth an order for a week, while markets were priced.",
        "Look at the decision funnel: too strict, or nothing to find.",
    ),
    _A.RUNS_MISSED: Meaning(
        _W,
        "A scheduled run did not happen when it was due.",
        "Look at the log around that time: a stall, a slow network, a machine that slept.",
    ),
    _A.RULES_NOT_PROVEN: Meaning(
        _W,
        "The rules text of an event does not prove station, variable, date and source.",
        "Read the rules on the exchange; the event is not traded.",
    ),
    _A.BRACKETS_NOT_PARTITION: Meaning(
        _W,
        "An event's brackets leave a hole or overlap, or one of its markets could not be read.",
        "Read the event on the exchange; it is not traded.",
    ),
    _A.FEE_TYPE_UNKNOWN: Meaning(
        _W,
        "An event's fee is of a kind that we cannot compute.",
        "Read the fee page of the exchange; the event is not traded.",
    ),
    _A.MARKET_PAUSED: Meaning(
        _W,
        "The exchange has paused markets of an event before their close.",
        "Read the event and the exchange's notices; it is traded again when the pause ends.",
    ),
    _A.GRID_CELL_MISPLACED: Meaning(
        _W,
        "A city's forecast cell is not at its station.",
        "Run milkbot cities verify; the city is not traded.",
    ),
    _A.WEATHER_REFUSED: Meaning(
        _W,
        "A weather answer was refused: implausible, from the future, or of another form.",
        "Run milkbot status; the city is not traded while the value stands.",
    ),
    _A.CASH_SURPLUS: Meaning(
        _I,
        "The account holds more cash than our books explain; unchanged for a day it is booked as a credit.",
        "Interest or a promotion? Look at the account's history.",
    ),
    _A.VENUE_NOTICE: Meaning(
        _I,
        "The exchange announces something about our series: rules, fees, schedule.",
        "Read it.",
    ),
}


class Finding(Frozen):
    """Something noticed at one look; the same code and ``subject`` (city, event, series) are one alarm."""

    code: AlarmCode
    subject: str
    message: str


class Alarm(Frozen):
    """A finding over time; open while ``closed_at`` is None."""

    code: AlarmCode
    subject: str
    severity: Severity
    message: str
    opened_at: Instant
    closed_at: Instant | None = None
