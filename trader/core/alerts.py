"""From one look to alerts, from alerts to as few messages as are needed, and the evening's one message."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.alerts import RULES, Alert, AlertCode, Evening, Facts, Message, OpenAlert
from trader.domain.types import MEANINGS, ReasonCode, Severity, TradingState

BACKUP_MAX_AGE_H = 26.0
DISK_FILLING, DISK_FULL = 0.85, 0.95
CERTIFICATE_MIN_DAYS = 14.0
REPEAT_AFTER = timedelta(hours=1)
"""A critical alert nobody has acknowledged is told again after this time."""
LOOKS_UNTIL_OVER = 2
_PROBES = {
    "trader": AlertCode.TRADER_DOWN,
    "page": AlertCode.PAGE_DOWN,
    "page-2": AlertCode.PAGE_DOWN,
    "api": AlertCode.API_DOWN,
    "proxy": AlertCode.PROXY_DOWN,
    "rollup": AlertCode.ROLLUP_LATE,
}
_IN_BOOKS = {AlertCode.BOOK_HALTED, AlertCode.PART_HALTED, AlertCode.RISK_EVENT, AlertCode.ORDER_UNKNOWN}
_UNASKED = {
    AlertCode.DATABASE_DOWN: {*_IN_BOOKS, AlertCode.ROLLUP_LATE},
    AlertCode.API_DOWN: {AlertCode.ROLLUP_LATE},
}
"""While the first stands, nobody knows whether the others still do."""


def find_alerts(facts: Facts) -> tuple[Alert, ...]:
    """Everything that is wrong in this look, in a fixed order."""
    down = {p.name: p for p in facts.probes if not p.is_ok}
    if "api" in down or not facts.is_database_ok:
        down.pop("rollup", None)  # asked through the API, which asks the database: no news of its own
    found = [Alert(code=_PROBES[n], key=n, text=f"{n}: {p.detail}") for n, p in down.items()]
    if not facts.is_database_ok:
        found.append(Alert(code=AlertCode.DATABASE_DOWN, key="database", text="database: no answer"))
    for state in facts.states:
        code = AlertCode.BOOK_HALTED if state.scope == "book" else AlertCode.PART_HALTED
        if state.scope == "book" and state.state is not TradingState.HALTED:
            code = AlertCode.PART_HALTED
        note = f": {state.note}" if state.note else ""
        text = f"{state.scope} {state.state}, set by {state.set_by}, {state.reason}{note}"
        found.append(Alert(code=code, key=f"{state.scope} {state.reason}", text=text))
    for event in facts.critical_events:
        text = f"{event.event_type}: {event.message}"
        found.append(Alert(code=AlertCode.RISK_EVENT, key=event.event_type, text=text))
    found += [Alert(code=AlertCode.ORDER_UNKNOWN, key=o, text=f"order {o}") for o in facts.unknown_orders]
    found += _machine(facts)
    return tuple(sorted(found, key=lambda a: (a.code, a.key, a.text)))


def _machine(facts: Facts) -> list[Alert]:
    found = []
    for store, age_h in facts.backup_age_h.items():
        if age_h is None or age_h > BACKUP_MAX_AGE_H:
            text = f"{store}: " + (
                "no good backup yet" if age_h is None else f"newest is {age_h:.0f} hours old"
            )
            found.append(Alert(code=AlertCode.BACKUP_OLD, key=store, text=text))
    for path, used in facts.disk_used.items():
        if used > DISK_FILLING:
            code = AlertCode.DISK_FULL if used > DISK_FULL else AlertCode.DISK_FILLING
            found.append(Alert(code=code, key=path, text=f"{path} is {100 * used:.0f} % full"))
    days = facts.certificate_days
    if days is not None and days < CERTIFICATE_MIN_DAYS:
        text = f"ends in {days:.0f} days" if days >= 0 else f"ended {-days:.0f} days ago"
        found.append(Alert(code=AlertCode.CERTIFICATE_ENDS, key="certificate", text=text))
    return found


Book = Mapping[str, OpenAlert]


def step(
    book: Book, found: Sequence[Alert], now: datetime
) -> tuple[dict[str, OpenAlert], list[str], list[str]]:
    """Return the alerts after this look, the keys to tell now, and the keys that are over.

    An alert is told once it has been seen in as many looks as its rule asks, again every hour while it is
    critical and nobody has acknowledged it, and is over after two looks without it. The same alert under
    another text is the same alert. What a look could not ask about stays as it was.
    """
    after: dict[str, OpenAlert] = {}
    over: list[str] = []
    seen = {f"{a.code} {a.key}": a for a in found}
    for name, alert in seen.items():
        before = book.get(name)
        after[name] = (
            before.model_copy(update={"looks": before.looks + 1, "gone": 0, "text": alert.text})
            if before
            else OpenAlert(code=alert.code, text=alert.text, since=now)
        )
    unasked = {code for alert in found for code in _UNASKED.get(alert.code, ())}
    for name, before in book.items():
        if name in seen:
            continue
        if before.code in unasked:
            after[name] = before
        elif before.gone + 1 < LOOKS_UNTIL_OVER and before.told_at is not None:
            after[name] = before.model_copy(update={"gone": before.gone + 1})
        elif before.told_at is not None:
            over.append(name)
    return after, [name for name, alert in after.items() if _is_due(alert, now)], over


def _is_due(alert: OpenAlert, now: datetime) -> bool:
    rule = RULES[alert.code]
    if alert.gone or alert.looks < rule.looks:
        return False
    if alert.told_at is None:
        return True
    is_loud = rule.severity is Severity.CRITICAL and alert.acknowledged_by is None
    return is_loud and now - alert.told_at >= REPEAT_AFTER


def alert_message(
    book: Book, due: Sequence[str], ended: Sequence[OpenAlert], now: datetime
) -> Message | None:
    """One message for everything that is new, due again or over; None when there is nothing to say."""
    told = [book[name] for name in due]
    # a critical event happens at an instant: that it stops happening is no news
    ended = [a for a in ended if a.code is not AlertCode.RISK_EVENT]
    if not told and not ended:
        return None
    lines = []
    for alert in told:
        rule = RULES[alert.code]
        since = f" (since {alert.since:%H:%M UTC})" if alert.told_at else ""
        lines += [f"{alert.code}{since}: {alert.text}", f"  {rule.meaning} Runbook: {rule.do}."]
    lines += [f"over after {_minutes(now - a.since)}: {a.code}: {a.text}" for a in ended]
    is_critical = any(RULES[a.code].severity is Severity.CRITICAL for a in told)
    severity = Severity.CRITICAL if is_critical else Severity.WARNING if told else Severity.INFO
    word = {Severity.CRITICAL: "act now", Severity.WARNING: "look when you can", Severity.INFO: "over"}[
        severity
    ]
    first = told[0] if told else ended[0]
    more = f" and {len(told) + len(ended) - 1} more" if len(told) + len(ended) > 1 else ""
    return Message(severity=severity, title=f"Milkbot, {word}: {first.code}{more}", body="\n".join(lines))


def _minutes(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def evening_message(day: Evening, book: Book, facts: Facts) -> Message:
    """What it did, what it did not and why, what is at risk, what needs a person."""
    lines = [
        f"{day.mode}, the 24 hours to {facts.now:%Y-%m-%d %H:%M UTC}.",
        f"Did: {day.cycles} cycles ({day.cycles_failed} failed), orders {_counts(day.orders)}.",
        f"{day.fills} fills of {day.contracts.normalize():f} contracts, fees ${day.fees_usd:,.2f}.",
    ]
    if day.equity_usd is not None:
        change = day.equity_usd - (day.equity_before_usd or day.equity_usd)
        lines.append(f"Equity ${day.equity_usd:,.2f} ({_signed(change)} in 24 hours).")
    if day.reasons:
        lines.append("Did not, because:")
        lines += [f"  {count} x {_reason(code)}" for code, count in day.reasons]
    lines.append(
        f"At risk: {day.positions} positions that cost ${day.cost_usd:,.2f}; "
        f"at worst ${day.worst_usd:,.2f} in open orders besides."
    )
    if day.llm_cost_usd:
        lines.append(f"Language model: ${day.llm_cost_usd:.2f}.")
    needs = [
        f"  {a.code}: {a.text}" + (f" (acknowledged by {a.acknowledged_by})" if a.acknowledged_by else "")
        for a in book.values()
        if a.told_at is not None
    ]
    lines += ["Needs you:", *needs] if needs else ["Needs you: nothing."]
    title = f"Milkbot, evening: {'all well' if not needs else f'{len(needs)} open'}"
    return Message(severity=Severity.INFO, title=title, body="\n".join(lines))


def _counts(orders: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(orders.items())) or "none"


def _signed(change: Decimal) -> str:
    return f"{'+' if change >= 0 else '−'}${abs(change):,.2f}"


def _reason(code: str) -> str:
    return MEANINGS[ReasonCode(code)] if code in ReasonCode.__members__ else code
