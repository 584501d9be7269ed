"""What is alarming, how often it is said, and what the evening says."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.alerts import (
    LOOKS_UNTIL_OVER,
    REPEAT_AFTER,
    alert_message,
    evening_message,
    find_alerts,
    step,
)
from trader.domain.alerts import RULES, Alert, AlertCode, CriticalEvent, Evening, Facts, OpenAlert, Probe
from trader.domain.risk import StateChange
from trader.domain.types import ReasonCode, Severity, TradingMode, TradingState

NOW = datetime(2026, 7, 16, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def state(scope: str, word: TradingState, reason: ReasonCode = ReasonCode.OPERATOR_HALT) -> StateChange:
    return StateChange(scope=scope, state=word, reason=reason, note="why", set_by="ann", set_at=NOW)


def codes(**facts: object) -> list[AlertCode]:
    return [alert.code for alert in find_alerts(Facts.model_validate({"now": NOW} | facts))]


def down(name: str) -> Probe:
    return Probe(name=name, is_ok=False, detail="status 503: no cycle for 11 minutes")


@pytest.mark.story("8.6")
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"probes": (down("trader"),)}, [AlertCode.TRADER_DOWN]),
        ({"probes": (down("page"), down("page-2"))}, [AlertCode.PAGE_DOWN, AlertCode.PAGE_DOWN]),
        ({"probes": (down("rollup"),)}, [AlertCode.ROLLUP_LATE]),
        ({"probes": (down("rollup"), down("api"))}, [AlertCode.API_DOWN]),
        ({"probes": (down("rollup"),), "is_database_ok": False}, [AlertCode.DATABASE_DOWN]),
        ({"probes": (down("proxy"),)}, [AlertCode.PROXY_DOWN]),
        ({"states": (state("book", TradingState.HALTED),)}, [AlertCode.BOOK_HALTED]),
        ({"states": (state("book", TradingState.REDUCE_ONLY),)}, [AlertCode.PART_HALTED]),
        ({"states": (state("city:NYC", TradingState.HALTED),)}, [AlertCode.PART_HALTED]),
        ({"critical_events": (CriticalEvent(event_type="X", message="y"),)}, [AlertCode.RISK_EVENT]),
        ({"unknown_orders": ("a T",)}, [AlertCode.ORDER_UNKNOWN]),
        ({"backup_age_h": {"local": 26.0}}, []),
        ({"backup_age_h": {"local": 26.1}}, [AlertCode.BACKUP_OLD]),
        ({"backup_age_h": {"local": 1.0, "remote": None}}, [AlertCode.BACKUP_OLD]),
        ({"disk_used": {"/": 0.85}}, []),
        ({"disk_used": {"/": 0.86}}, [AlertCode.DISK_FILLING]),
        ({"disk_used": {"/": 0.96}}, [AlertCode.DISK_FULL]),
        ({"certificate_days": 14.0}, []),
        ({"certificate_days": 13.9}, [AlertCode.CERTIFICATE_ENDS]),
        ({"certificate_days": -1.0}, [AlertCode.CERTIFICATE_ENDS]),
    ],
)
def test_each_condition_raises_its_alert_and_no_other(
    facts: dict[str, object], expected: list[AlertCode]
) -> None:
    assert codes(**facts) == expected


def test_every_code_has_a_rule_and_every_rule_a_code() -> None:
    assert set(RULES) == set(AlertCode)


TRADER = Alert(code=AlertCode.TRADER_DOWN, key="trader", text="trader: no answer")
BACKUP = Alert(code=AlertCode.BACKUP_OLD, key="local", text="local: newest is 27 hours old")
Script = list[list[Alert]]


def play(script: Script) -> list[tuple[list[str], list[str]]]:
    """One look a minute; returns what was told and what was over at each."""
    book: dict[str, OpenAlert] = {}
    said = []
    for minute, found in enumerate(script):
        now = NOW + minute * MINUTE
        book, due, over = step(book, found, now)
        book |= {name: book[name].model_copy(update={"told_at": now}) for name in due}
        said.append((due, over))
    return said


@pytest.mark.story("8.6")
def test_service_that_missed_one_look_wakes_nobody() -> None:
    assert play([[TRADER], [], [TRADER], []]) == [([], [])] * 4


@pytest.mark.story("8.6")
def test_alert_is_told_once_and_its_end_once() -> None:
    said = play([[TRADER]] * 3 + [[]] * 4)

    name = "TRADER_DOWN trader"
    assert said == [([], []), ([name], []), ([], []), ([], []), ([], [name]), ([], []), ([], [])]


def test_flapping_alert_is_not_told_again() -> None:
    said = play([[TRADER], [TRADER], [], [TRADER], [], [TRADER]])

    assert sum(len(due) for due, _ in said) == 1
    assert all(not over for _, over in said)


@pytest.mark.parametrize(
    ("code", "away"),
    [
        (AlertCode.BOOK_HALTED, AlertCode.DATABASE_DOWN),
        (AlertCode.RISK_EVENT, AlertCode.DATABASE_DOWN),
        (AlertCode.ORDER_UNKNOWN, AlertCode.DATABASE_DOWN),
        (AlertCode.ROLLUP_LATE, AlertCode.API_DOWN),
    ],
)
def test_what_nobody_can_ask_about_is_neither_over_nor_new_again(code: AlertCode, away: AlertCode) -> None:
    alert, silence = Alert(code=code, key="a", text="b"), Alert(code=away, key="c", text="no answer")

    said = play([[alert]] * 2 + [[silence]] * 5 + [[alert]] + [[]] * 3)

    name, other = f"{code} a", f"{away} c"
    told = [told for due, _ in said for told in due]
    assert sorted(told) == sorted([name, other])
    assert [over for _, over in said[:7]] == [[]] * 7
    assert sorted(gone for _, over in said for gone in over) == sorted([name, other])


def test_critical_alert_is_repeated_every_hour_and_a_warning_is_not() -> None:
    said = play([[TRADER, BACKUP]] * 130)

    told = [(minute, name) for minute, (due, _) in enumerate(said) for name in due]
    assert told == [
        (0, "BACKUP_OLD local"),
        (1, "TRADER_DOWN trader"),
        (61, "TRADER_DOWN trader"),
        (121, "TRADER_DOWN trader"),
    ]


def test_acknowledged_alert_is_not_repeated_but_its_end_is_told() -> None:
    book, due, _ = step({}, [BACKUP, TRADER], NOW)
    book, due, _ = step(book, [BACKUP, TRADER], NOW + MINUTE)
    book = {n: a.model_copy(update={"told_at": NOW, "acknowledged_by": "ann"}) for n, a in book.items()}

    book, due, _ = step(book, [TRADER], NOW + 5 * REPEAT_AFTER)

    assert due == []
    assert step(book, [TRADER], NOW + 5 * REPEAT_AFTER)[2] == ["BACKUP_OLD local"]


def test_what_no_channel_took_is_due_again() -> None:
    book, due, _ = step({}, [BACKUP], NOW)
    assert due
    assert step(book, [BACKUP], NOW + MINUTE)[1] == due


@given(st.lists(st.lists(st.sampled_from([TRADER, BACKUP]), max_size=2), max_size=60))
def test_ends_are_told_only_of_what_was_told_and_never_twice(script: Script) -> None:
    open_names: set[str] = set()
    for due, over in play([*script, *[[]] * LOOKS_UNTIL_OVER]):
        assert set(over) <= open_names
        open_names = (open_names | set(due)) - set(over)
    assert open_names == set()


@pytest.mark.story("8.6")
def test_message_groups_what_is_new_and_over_and_says_what_to_do() -> None:
    book, due, _ = step({}, [BACKUP], NOW)
    ended = OpenAlert(code=AlertCode.PAGE_DOWN, text="page: no answer", since=NOW - 12 * MINUTE, told_at=NOW)

    message = alert_message(book, due, [ended], NOW)

    assert message is not None
    assert (message.severity, message.title) == (
        Severity.WARNING,
        "Milkbot, look when you can: BACKUP_OLD and 1 more",
    )
    assert message.body.splitlines() == [
        "BACKUP_OLD: local: newest is 27 hours old",
        "  The newest good backup is older than 26 hours. Runbook: A backup is missing.",
        "over after 12 min: PAGE_DOWN: page: no answer",
    ]


def test_end_of_an_instant_is_no_news() -> None:
    ended = OpenAlert(code=AlertCode.RISK_EVENT, text="X: y", since=NOW, told_at=NOW)

    assert alert_message({}, [], [ended], NOW) is None


DAY = Evening(
    mode=TradingMode.SHADOW,
    cycles=287,
    cycles_failed=1,
    orders={"FILLED": 3, "EXPIRED": 1},
    fills=4,
    contracts=Decimal("62.50"),
    fees_usd=Decimal("1.234"),
    equity_usd=Decimal("4991.5"),
    equity_before_usd=Decimal("5000"),
    reasons=(("EDGE_TOO_SMALL", 900), ("NO_FORECAST", 30)),
    positions=3,
    cost_usd=Decimal("40"),
    worst_usd=Decimal("0"),
    llm_cost_usd=Decimal("0"),
)


@pytest.mark.story("8.6")
def test_evening_says_did_did_not_and_why_at_risk_and_what_needs_a_person() -> None:
    book = {
        "x": OpenAlert(code=AlertCode.BACKUP_OLD, text="local: no good backup yet", since=NOW, told_at=NOW)
    }

    message = evening_message(DAY, book, Facts(now=NOW))

    assert message.title == "Milkbot, evening: 1 open"
    assert message.body.splitlines() == [
        "SHADOW, the 24 hours to 2026-07-16 15:00 UTC.",
        "Did: 287 cycles (1 failed), orders 1 EXPIRED, 3 FILLED.",
        "4 fills of 62.5 contracts, fees $1.23.",
        "Equity $4,991.50 (−$8.50 in 24 hours).",
        "Did not, because:",
        "  900 x The edge after fees is below the minimum.",
        "  30 x No forecast that could have been known was available for this event.",
        "At risk: 3 positions that cost $40.00; at worst $0.00 in open orders besides.",
        "Needs you:",
        "  BACKUP_OLD: local: no good backup yet",
    ]


def test_quiet_evening_says_that_nothing_is_needed() -> None:
    assert evening_message(DAY, {}, Facts(now=NOW)).body.endswith("Needs you: nothing.")
