"""Cash that is not trading: deposits and withdrawals the exchange lists, and a surplus it does not explain.

Neither is profit and neither is a break. Less cash than our books hold is always a break, and so is more
than interest or a promotion can explain: it may be an error of ours.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from trader.app.alarms import judge
from trader.app.context import Trader
from trader.domain.alarms import Alarm, AlarmCode, Finding
from trader.domain.orders import Transfer
from trader.domain.positions import CapitalEvent
from trader.domain.risk import Break, RiskEvent
from trader.domain.types import Severity

CREDITED_AFTER = timedelta(hours=24)
"""How long a surplus has to stand unchanged before it is booked as a credit. A payout that is listed late
comes within minutes; 6 to 72 hours are sensible.
"""

CREDIT_LIMIT = Decimal("0.01")
"""Largest surplus that is taken for a credit, as a part of the capital; 0.002 to 0.02 are sensible. A month
of interest is about 0.003.
"""

SET_BY = "rule:transfers"
CASH_MOVED = "CASH_MOVED"


def collect_transfers(trader: Trader) -> int:
    """Book the transfers since the account began that are not booked yet; return how many.

    The starting capital holds what came before. Raises TransientError when a list is incomplete.
    """
    booked = trader.store.capital.events(trader.mode)
    begun = min((event.occurred_at for event in booked if event.kind == "START"), default=None)
    known = {event.ref for event in booked}
    return sum(
        _book(trader, _event(trader, transfer, known))
        for transfer in trader.exchange.get_transfers()
        if begun is not None and transfer.applied_at > begun and _is_due(transfer, known)
    )


def _is_due(transfer: Transfer, known: set[str | None]) -> bool:
    """One that was returned is taken back if it was booked; one returned before we saw it never counted."""
    if transfer.is_returned:
        return transfer.ref in known and f"{transfer.ref} returned" not in known
    return transfer.ref not in known


def _event(trader: Trader, transfer: Transfer, known: set[str | None]) -> CapitalEvent:
    is_back = transfer.is_returned and transfer.ref in known
    fee = f", the exchange names a fee of ${transfer.fee_usd}" if transfer.fee_usd else ""
    return CapitalEvent(
        kind="DEPOSIT" if transfer.amount_usd > 0 else "WITHDRAWAL",
        amount_usd=-transfer.amount_usd if is_back else transfer.amount_usd,
        occurred_at=transfer.applied_at,
        mode=trader.mode,
        note=f"{transfer.ref}{' returned' if is_back else ''}{fee}",
        ref=f"{transfer.ref} returned" if is_back else transfer.ref,
    )


def settle_surplus(trader: Trader, breaks: Sequence[Break]) -> tuple[Break, ...]:
    """Take a small surplus of cash out of the differences: told at once, booked as a credit when it has stood
    unchanged for a day. Only where cash is all that differs; anything else may explain it.
    """
    surplus = _surplus(breaks)
    if surplus > CREDIT_LIMIT * trader.store.capital.total(trader.mode):
        return tuple(breaks)
    if surplus <= 0:
        if not breaks:
            judge(trader, {AlarmCode.CASH_SURPLUS}, [])
        return tuple(breaks)
    finding = Finding(code=AlarmCode.CASH_SURPLUS, subject="account", message=_words(surplus))
    judge(trader, {AlarmCode.CASH_SURPLUS}, [finding])
    (alarm,) = _told(trader)
    since = alarm.opened_at
    if trader.clock.now() - since >= CREDITED_AFTER:
        credit = CapitalEvent(
            kind="CREDIT",
            amount_usd=surplus,
            occurred_at=since,
            mode=trader.mode,
            note="interest or promotion: cash the exchange does not explain, unchanged for a day",
            ref=f"credit {since:%Y-%m-%dT%H:%M:%SZ}",
        )
        _book(trader, credit)
        judge(trader, {AlarmCode.CASH_SURPLUS}, [])
    return ()


def is_told_surplus(trader: Trader, breaks: Sequence[Break]) -> bool:
    """Whether the only difference is the surplus that was told already: looking again changes nothing."""
    surplus = _surplus(breaks)
    return surplus > 0 and _words(surplus) in {alarm.message for alarm in _told(trader)}


def _surplus(breaks: Sequence[Break]) -> Decimal:
    """Dollars the account holds beyond our books where cash is all that differs, else 0 or less."""
    if [found.kind for found in breaks] != ["cash"]:
        return Decimal(0)
    return Decimal(breaks[0].theirs) - Decimal(breaks[0].ours)


def _words(surplus: Decimal) -> str:
    return f"${surplus:f} more than our books explain"


def _told(trader: Trader) -> list[Alarm]:
    alarms = trader.store.alarms.open_alarms(trader.mode)
    return [alarm for alarm in alarms if alarm.code is AlarmCode.CASH_SURPLUS]


def _book(trader: Trader, event: CapitalEvent) -> bool:
    now = trader.clock.now()
    words = f"{event.kind} of ${event.amount_usd:f}: {event.note}"
    told = RiskEvent(event_type=CASH_MOVED, severity=Severity.INFO, message=words, occurred_at=now)
    with trader.store.transaction():
        is_new = trader.store.capital.save(event, set_by=SET_BY, at=now)
        if is_new:
            trader.store.risk.save_event(told, at=now, mode=trader.mode, cycle_id=None)
    if is_new:
        trader.log.info("cash_moved", kind=event.kind, amount_usd=event.amount_usd)
    return is_new
