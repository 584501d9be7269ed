"""Raising each alarm once: stored when it begins, closed when it is over, told both times."""

from collections.abc import Collection, Iterable

from trader.app.context import Trader
from trader.domain.alarms import MEANINGS, Alarm, AlarmCode, Finding
from trader.domain.risk import RiskEvent
from trader.domain.types import Severity

MAX_MESSAGE = 500


def judge(trader: Trader, codes: Collection[AlarmCode], findings: Iterable[Finding]) -> None:
    """Open what is found and was not open, close what is open and not found any more.

    Only alarms of ``codes`` are judged: of others this look knows nothing. A finding whose words changed is
    told again only where the words are the point, as in a notice.
    """
    found = {(f.code, f.subject): f for f in findings if f.code in codes}
    known = {(a.code, a.subject): a for a in trader.store.alarms.open_alarms(trader.mode) if a.code in codes}
    for key, finding in found.items():
        if key not in known or (finding.code in RETOLD and known[key].message != finding.message):
            _open(trader, finding)
    for key, alarm in known.items():
        if key not in found:
            _close(trader, alarm)


RETOLD = frozenset({AlarmCode.VENUE_NOTICE, AlarmCode.CASH_SURPLUS})
"""Codes of which other words are another alarm."""


def _open(trader: Trader, finding: Finding) -> None:
    now, severity = trader.clock.now(), MEANINGS[finding.code].severity
    alarm = Alarm(
        code=finding.code,
        subject=finding.subject,
        severity=severity,
        message=finding.message[:MAX_MESSAGE],
        opened_at=now,
    )
    with trader.store.transaction():
        trader.store.alarms.save(alarm, mode=trader.mode, at=now)
        _tell(trader, alarm, "OPENED", severity)


def _close(trader: Trader, alarm: Alarm) -> None:
    now = trader.clock.now()
    with trader.store.transaction():
        trader.store.alarms.close(alarm.code, alarm.subject, mode=trader.mode, at=now)
        _tell(trader, alarm, "CLOSED", Severity.INFO)


def _tell(trader: Trader, alarm: Alarm, change: str, severity: Severity) -> None:
    now = trader.clock.now()
    event = RiskEvent(
        event_type=str(alarm.code),
        severity=severity,
        message=f"{alarm.subject}: {alarm.message}",
        occurred_at=now,
        payload={"subject": alarm.subject, "change": change},
    )
    trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=None)
    trader.log.warning("alarm_changed", code=alarm.code, subject=alarm.subject, change=change)
