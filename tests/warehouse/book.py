"""The warehouse's second computation: disclosed fills, and the positions that follow from them.

Written from docs/data_model.md, not from the SQL, and shares no code with it or with the trader.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.warehouse.exact import DELAY, F, Row, Tables, grouped, rounded


@dataclass(frozen=True)
class Bought:
    """A disclosed fill: what was bought, of which terms, with which belief, and how it ended."""

    fill: Row
    order: Row
    terms: Row | None
    side: str
    price: Fraction
    p_yes: Fraction | None
    outcome: str | None
    fair: Fraction | None

    @property
    def qty(self) -> Fraction:
        return F(self.fill["qty"])

    @property
    def fee(self) -> Fraction:
        return F(self.fill["fee"])

    @property
    def date(self) -> date | None:
        return self.terms["climate_date"] if self.terms else None

    @property
    def edge(self) -> Fraction | None:
        if self.p_yes is None:
            return None
        p = self.p_yes if self.side == "YES" else 1 - self.p_yes
        return F(rounded(p - self.price - self.fee / self.qty))

    @property
    def pnl(self) -> Fraction | None:
        if self.outcome is None:
            return None
        paid = {"won": Fraction(1), "lost": Fraction(0)}.get(self.outcome, self.fair)
        assert paid is not None
        return self.qty * (paid - self.price) - self.fee


@dataclass(frozen=True)
class Step:
    """A position after a fill or payout."""

    at: datetime
    side: str
    qty: Fraction
    cost: Fraction
    realized: Fraction


class Book:
    """What was bought and held as of ``as_of``, and the quotes and terms beside it."""

    def __init__(self, ops: Tables, as_of: datetime) -> None:
        self.ops, self.as_of, self.until = ops, as_of, as_of - DELAY
        self.cities = {c["city_code"]: c for c in ops["cities"]}
        self.versions = grouped(ops["contracts"], lambda c: c["ticker"])
        self.quotes = grouped(ops["market_snapshots"], lambda s: s["ticker"])
        for found in self.quotes.values():
            found.sort(key=lambda s: (s["captured_at"], s["market_snapshot_id"]))
        known = sorted(ops["market_results"], key=lambda r: (r["determined_at"], r["recorded_at"]))
        self.results = {r["ticker"]: r for r in known if r["determined_at"] <= as_of}  # the last one made
        self.fair = {
            (s["mode"], s["ticker"]): F(s["value_usd"])
            for s in sorted(ops["settlements"], key=lambda s: s["recorded_at"])
            if s["result"] == "scalar" and s["value_usd"] is not None and s["settled_at"] <= as_of
        }
        self.bought = sorted(self._bought(), key=lambda b: (b.fill["filled_at"], b.fill["fill_id"]))
        self.steps = self._steps()

    def _bought(self) -> Iterable[Bought]:
        orders = {o["order_id"]: o for o in self.ops["orders"]}
        signals = {s["signal_id"]: s for s in self.ops["signals"]}
        for fill in self.ops["fills"]:
            if fill["filled_at"] > self.until:
                continue
            order = orders[fill["order_id"]]
            is_sale = fill["action"] == "REDUCE" and order["side"] == fill["side"]
            other = "NO" if fill["side"] == "YES" else "YES"
            side = other if is_sale else fill["side"]
            p_yes = signals[order["signal_id"]]["p_yes"] if order["signal_id"] else None
            result = self.results.get(fill["ticker"])
            fair = self.fair.get((fill["mode"], fill["ticker"]))
            yield Bought(
                fill,
                order,
                self.terms_at(fill["ticker"], fill["filled_at"]),
                side,
                1 - F(fill["price"]) if is_sale else F(fill["price"]),
                None if p_yes is None else F(p_yes),
                self._outcome(fair, result, side),
                None if fair is None else fair if side == "YES" else 1 - fair,
            )

    @staticmethod
    def _outcome(fair: Fraction | None, result: Row | None, side: str) -> str | None:
        if fair is not None:
            return "fair price"
        if result is None:
            return None
        return "won" if result["result"] == side.lower() else "lost"

    def terms_at(self, ticker: str, at: datetime) -> Row | None:
        """The newest terms known at an instant, else the first ones known after it."""
        before: list[Row] = [v for v in self.versions[ticker] if v["first_seen_at"] <= at]
        if before:
            return max(before, key=first_seen)
        return min(self.versions[ticker], key=first_seen, default=None)

    def _steps(self) -> dict[tuple[str, str], list[Step]]:
        """Positions at average cost; a sale releases its share of the cost, to a millionth, ties to even."""
        events: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for b in self.bought:
            key = (b.fill["mode"], b.fill["ticker"])
            events[key].append((b.fill["filled_at"], "fill", b.fill["fill_id"], b))
        for paid in self.ops["settlements"]:
            if paid["settled_at"] <= self.until:
                events[paid["mode"], paid["ticker"]].append(
                    (paid["settled_at"], "payout", str(paid["recorded_at"]), paid)
                )
        return {key: self._walk(sorted(found, key=lambda e: e[:3])) for key, found in events.items()}

    @staticmethod
    def _walk(events: list[Any]) -> list[Step]:
        steps, side, qty, cost = [], "YES", Fraction(0), Fraction(0)
        for at, kind, _, what in events:
            if kind == "payout":
                steps.append(Step(at, side, Fraction(0), Fraction(0), F(what["revenue_usd"]) - cost))
                qty = cost = Fraction(0)
                continue
            closing = min(qty, what.qty) if what.side != side else Fraction(0)
            released = cost if closing == qty else Fraction(round(cost * closing / qty * 10**6), 10**6)
            opening = what.qty - closing
            if what.side != side and opening > 0:
                side = what.side
            qty, cost = qty - closing + opening, cost - released + opening * what.price
            steps.append(Step(at, side, qty, cost, closing * (1 - what.price) - released - what.fee))
        return steps

    def last_quote(
        self, ticker: str, at: datetime, is_good: Callable[[Row], bool], after: datetime
    ) -> Row | None:
        found = [q for q in self.quotes[ticker] if after < q["captured_at"] <= at and is_good(q)]
        return found[-1] if found else None

    def held(self, mode: str, at: datetime) -> dict[str, Step]:
        found = {}
        for (of_mode, ticker), steps in self.steps.items():
            before = [s for s in steps if s.at <= at]
            if of_mode == mode and before and before[-1].qty > 0:
                found[ticker] = before[-1]
        return found

    def day_end(self, city: str, day: date) -> datetime:
        offset = timedelta(hours=self.cities[city]["std_utc_offset_hours"])
        return datetime.combine(day, datetime.min.time(), self.as_of.tzinfo) + timedelta(days=1) - offset


def first_seen(version: Row) -> datetime:
    at: datetime = version["first_seen_at"]
    return at
