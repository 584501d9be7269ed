"""Random histories of ops: what happened, and when each row could first be read.

Rows arrive late, out of order and in the wrong company on purpose: fills learnt days after, payouts before
the fills they pay for, results of half an event, cycles that were killed, terms that change, trades made by
hand. One seed, one history.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.warehouse.arrivals import Arrival, Event, Row
from trader.domain.cities import load_cities

D = Decimal
START = datetime(2026, 7, 14, 0, 0, tzinfo=UTC)
DAYS = 3
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HASHES = ("a" * 64, "b" * 64)
HELD = ("NO_FORECAST", "BOOK_MISSING", "EDGE_TOO_SMALL", "EDGE_IMPLAUSIBLE", "SPREAD_TOO_WIDE")


class History:
    """All arrivals of one random history, in the order in which they can be read."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - a history must repeat
        self.arrivals: list[Arrival] = []
        self.ids: dict[str, int] = {}
        self.net_yes: dict[tuple[str, str], Decimal] = {}  # by mode and market: YES less NO bought
        self.listed_at: dict[str, datetime] = {}
        self.sent: set[int] = set()
        self.modes = self.random.choice((("DEMO",), ("DEMO", "SHADOW"), ("DEMO", "LIVE")))
        self._reference()
        self.events = list(self._events())
        for event in self.events:
            self._terms(event)
        for mode in self.modes:
            at = START + self.random.randrange(1, 90) * MINUTE
            self._capital(mode, at)
            while at < START + DAYS * 24 * HOUR:
                self._cycle(mode, at)
                at += timedelta(seconds=self.random.choice((20, 300, 5400, 9000, 20_000, 20_000)))
        for event in self.events:
            self._result(event)
        self.arrivals.sort()
        self.end = self.arrivals[-1].at + 2 * HOUR

    def new_id(self, table: str) -> int:
        self.ids[table] = self.ids.get(table, 0) + 1
        return self.ids[table]

    def add(self, table: str, at: datetime, key: str | None = None, **row: Any) -> Row:
        """Let a row arrive at ``at``, written up to nine minutes before (a transaction under way)."""
        if "recorded_at" in row:
            row["recorded_at"] = at - self.random.choice((0, 1, 30, 540)) * timedelta(seconds=1)
        self.arrivals.append(Arrival(at, len(self.arrivals), table, row, key))
        return row

    def lag(self, *minutes: int) -> timedelta:
        return self.random.choice(minutes) * MINUTE

    def _reference(self) -> None:
        for position, city in enumerate(load_cities().values()):
            self.add(
                *("cities", START),
                city_code=city.code,
                position=position,
                name=city.name,
                timezone=city.timezone,
                std_utc_offset_hours=city.std_utc_offset_hours,
                cluster=city.cluster,
                region=city.region,
                settlement_station=city.settlement_station,
                latitude=city.lat,
                longitude=city.lon,
                updated_at=START,
            )
        for mode in self.modes:
            self.add(
                *("epochs", START),
                epoch=self.new_id("epochs"),
                mode=mode,
                account="a",
                command="run",
                version="0",
                started_at=START,
            )

    def _capital(self, mode: str, at: datetime) -> None:
        for kind, amount in (("START", D("1000")), ("DEPOSIT", D("250.5")), ("WITHDRAWAL", D("-33.01"))):
            if kind == "START" or self.random.random() < 0.4:
                happened = at if kind == "START" else at + self.random.randrange(1, DAYS * 24) * HOUR
                self.add(
                    *("capital_events", happened + self.lag(0, 0, 3, 2000)),
                    capital_event_id=self.new_id("capital_events"),
                    mode=mode,
                    kind=kind,
                    amount_usd=amount,
                    occurred_at=happened,
                    set_by="test",
                    recorded_at=happened,
                )

    def _events(self) -> Iterator[Event]:
        offsets = {c.code: c.std_utc_offset_hours for c in load_cities().values()}
        for city in self.random.sample(sorted(offsets), 3):
            for number in range(DAYS):
                day = (START + number * 24 * HOUR).date()
                for market_type in ("HIGH", "LOW"):
                    if self.random.random() < 0.4:
                        yield self._event(
                            city, offsets[city], market_type, day, ((None, 80), (81, 82), (83, None))
                        )
            if self.random.random() < 0.5:
                month = date(2026, 7, 16)
                yield self._event(city, offsets[city], "RAIN", month, ((101, None), (201, None), (301, None)))

    def _event(self, city: str, offset: int, kind: str, day: date, brackets: Any) -> Event:
        ends = datetime(day.year, day.month, day.day, tzinfo=UTC) + 24 * HOUR - offset * HOUR
        return Event(f"KX{kind}{city}-{day:%y%b%d}".upper(), city, kind, day, ends, brackets)

    def _terms(self, event: Event) -> None:
        for number, (lo, hi) in enumerate(event.brackets):
            seen = START + self.lag(0, 0, 0, 600)
            self.listed_at[event.market(number)] = seen
            for version in range(2 if self.random.random() < 0.2 else 1):
                self.add(
                    *("contracts", seen),
                    ticker=event.market(number),
                    terms_hash=HASHES[version],
                    event_ticker=event.ticker,
                    series_ticker=event.ticker.split("-")[0],
                    city_code=event.city,
                    market_type=event.market_type,
                    climate_date=event.climate_date,
                    label=f"{lo} to {hi}, version {version}",
                    lo=lo,
                    hi=hi,
                    open_time=START,
                    close_time=event.ends_at,
                    rules_text="r",
                    rules_url="u",
                    rules_hash=HASHES[version],
                    settlement_source="s",
                    station="K",
                    fee_type="quadratic",
                    fee_multiplier=1,
                    tick=D("0.01"),
                    first_seen_at=seen,
                )
                seen += self.random.randrange(100, 4000) * MINUTE

    def _cycle(self, mode: str, at: datetime) -> None:
        cycle_id, epoch = self.new_id("cycles"), self.modes.index(mode) + 1
        decided = at + timedelta(seconds=self.random.randrange(1, 9))
        ended = decided + timedelta(seconds=self.random.choice((1, 5, 70)))
        self.add(
            *("cycles", at), cycle_id=cycle_id, epoch=epoch, mode=mode, slot=f"{cycle_id}", started_at=at
        )
        if self.random.random() < 0.05:
            return  # killed before it decided
        is_killed = self.random.random() < 0.08
        change = {"decided_at": decided} | ({} if is_killed else {"finished_at": ended})
        self.add("cycles", decided if is_killed else ended, key="cycle_id", cycle_id=cycle_id, **change)
        for event in self.events:
            if event.ends_at < at or self.random.random() < 0.3:
                continue
            quotes = {n: self._quote(event, n, cycle_id, at) for n in range(len(event.brackets))}
            self._predictions(event, cycle_id, decided)
            for number in range(len(event.brackets)):
                if self.random.random() < 0.8:
                    self._signal(event, number, mode, epoch, cycle_id, decided, quotes[number])
        if self.random.random() < 0.15:
            self._trade_by_hand(mode, epoch, decided)

    def _quote(self, event: Event, number: int, cycle_id: int, at: datetime) -> Decimal:
        bid = D(self.random.randrange(1, 95)) / 100
        has_bid, has_ask = self.random.random() < 0.85, self.random.random() < 0.85
        if self.listed_at[event.market(number)] <= at and self.random.random() < 0.9:
            captured = at + timedelta(milliseconds=self.random.randrange(5))
            self.add(
                *("market_snapshots", at),
                market_snapshot_id=self.new_id("market_snapshots"),
                captured_at=captured,
                cycle_id=cycle_id,
                ticker=event.market(number),
                event_ticker=event.ticker,
                city_code=event.city,
                market_type=event.market_type,
                climate_date=event.climate_date,
                status="active",
                yes_bid=bid if has_bid else None,
                yes_ask=bid + D("0.03") if has_ask else None,
                volume=1,
                open_interest=1,
                close_time=event.ends_at,
                rules_url="u",
                terms_hash=HASHES[0],
                recorded_at=at,
            )
        return bid

    def _predictions(self, event: Event, cycle_id: int, at: datetime) -> None:
        for strategy, version in (("s one", "1"), ("s one", "2"), ("climatology", "1")):
            if self.random.random() < 0.4:
                start = self.random.randrange(76, 80)
                cuts = sorted(self.random.sample(range(1, 1_000_000), 9))
                ppm = [b - a for a, b in zip([0, *cuts], [*cuts, 1_000_000], strict=True)]
                if event.market_type == "RAIN":
                    start *= 2
                self.add(
                    *("predictions", at),
                    prediction_id=self.new_id("predictions"),
                    decided_at=at,
                    cycle_id=cycle_id,
                    event_ticker=event.ticker,
                    city_code=event.city,
                    market_type=event.market_type,
                    climate_date=event.climate_date,
                    strategy_name=strategy,
                    strategy_version=version,
                    distribution=json.dumps({"start": start, "ppm": ppm}),
                    mean_f=81.5,
                    sd_f=2.0,
                    p10_f=79,
                    p50_f=81,
                    p90_f=84,
                    source="x",
                    issued_at=at,
                    lead_h=12.0,
                    features="{}",
                    recorded_at=at,
                )

    def _signal(
        self,
        event: Event,
        number: int,
        mode: str,
        epoch: int,
        cycle_id: int,
        at: datetime,
        price: Decimal,
    ) -> None:
        roll = self.random.random()
        signal_id = self.new_id("signals")
        side = self.random.choice(("YES", "NO"))
        p_yes: Decimal | None = D(self.random.randrange(1, 1_000_000)) / 1_000_000
        row: Row = {"decision": "HOLD", "side": None, "price": None, "edge": None, "qty": 0}
        if roll < 0.6:
            reason = self.random.choice(HELD)
            p_yes = None if reason == "NO_FORECAST" else p_yes
            row |= {"reasons": [reason], "edge": None if reason in HELD[:2] else D("0.01")}
            if reason == "SPREAD_TOO_WIDE" and self.random.random() < 0.3:
                row["reasons"] = [reason, "EDGE_TOO_SMALL"]
        else:
            row |= {"reasons": ["EDGE_FOUND"], "decision": "BUY" if side == "YES" else "SELL", "qty": 9}
            row |= {"side": side, "price": price, "edge": D("0.05")}
        self.add(
            *("signals", at),
            signal_id=signal_id,
            decided_at=at,
            cycle_id=cycle_id,
            mode=mode,
            ticker=event.market(number),
            event_ticker=event.ticker,
            city_code=event.city,
            market_type=event.market_type,
            climate_date=event.climate_date,
            strategy_name="none" if p_yes is None and roll < 0.2 else "s one",
            strategy_version="1",
            p_yes=p_yes,
            recorded_at=at,
            **row,
        )
        if row["decision"] == "HOLD" or self.random.random() < 0.2:
            return
        if self.random.random() < 0.3:
            self._explain(signal_id, at)
        allowed = self.random.choice((0, 9, 9))
        self.add(
            *("risk_decisions", at),
            risk_decision_id=self.new_id("risk_decisions"),
            cycle_id=cycle_id,
            decided_at=at,
            ticker=event.market(number),
            side=side,
            asked_qty=9,
            allowed_qty=allowed,
            reasons=["WITHIN_LIMITS" if allowed else "CASH_TOO_LOW"],
            caps="{}",
            recorded_at=at,
        )
        if allowed and self.random.random() < 0.9:
            action = "OPEN" if self.random.random() < 0.75 else "REDUCE"
            order = self._order(event, number, mode, epoch, side, action, at)
            order |= {"cycle_id": cycle_id, "signal_id": signal_id, "signal_at": at}
            order |= {"strategy_name": "s one", "strategy_version": self.random.choice("12")}
            self._fills(order, at + timedelta(seconds=2), event.ends_at)

    def _order(
        self, event: Event, number: int, mode: str, epoch: int, side: str, action: str, at: datetime
    ) -> Row:
        order_id = self.new_id("orders")
        row = self.add(
            *("orders", at),
            order_id=order_id,
            client_order_id=f"c{order_id}",
            intent_key=f"i{order_id}",
            epoch=epoch,
            mode=mode,
            ticker=event.market(number),
            event_ticker=event.ticker,
            city_code=event.city,
            side=side,
            action=action,
            status="FILLED",
            qty=D(100),
            limit_price=D("0.5"),
            worst_usd=D(50),
            time_in_force="immediate_or_cancel",
            slot=f"o{order_id}",
            attempt=1,
            created_at=at,
            updated_at=at,
        )
        if self.random.random() < 0.9:
            self.sent.add(order_id)
            self.add("orders", at + MINUTE / 60, key="order_id", order_id=order_id, sent_at=at)
        return row

    def _trade_by_hand(self, mode: str, epoch: int, at: datetime) -> None:
        running = [e for e in self.events if e.ends_at > at + MINUTE]
        if not running:
            return
        event = self.random.choice(running)
        number = self.random.randrange(len(event.brackets))
        order = self._order(event, number, mode, epoch, self.random.choice(("YES", "NO")), "OPEN", at)
        order["is_foreign"] = True
        self._fills(order, at, event.ends_at)

    def _fills(self, order: Row, at: datetime, ends_at: datetime) -> None:
        learnt_at: list[tuple[datetime, Decimal]] = []
        for number in range(self.random.choice((0, 1, 1, 2, 3)) if order["order_id"] in self.sent else 0):
            filled = (
                at + timedelta(microseconds=self.random.randrange(1, 10**6)) + number * self.lag(0, 7, 90)
            )
            if filled >= ends_at:
                break
            learnt = filled + self.lag(0, 0, 0, 2, 61, 400, 2500)
            fill = self.add(
                *("fills", max(learnt, order["created_at"] + MINUTE)),
                fill_id=f"f{order['order_id']:05}-{number}",
                order_id=order["order_id"],
                kalshi_order_id=f"k{order['order_id']}",
                epoch=order["epoch"],
                mode=order["mode"],
                ticker=order["ticker"],
                side=order["side"],
                action=order["action"],
                qty=self.random.choice((D(1), D(7), D("2.5"), D("0.03"))),
                price=D(self.random.randrange(1, 999_999)) / 1_000_000,
                fee=D(self.random.randrange(0, 90_000)) / 1_000_000,
                is_taker=True,
                filled_at=filled,
                recorded_at=learnt,
            )
            learnt_at.append((self.arrivals[-1].at, fill["qty"]))
            key = (order["mode"], order["ticker"])
            buys_yes = (order["side"] == "YES") == (order["action"] == "OPEN")
            self.net_yes[key] = self.net_yes.get(key, D(0)) + (fill["qty"] if buys_yes else -fill["qty"])
        booked = D(0)
        for arrived, qty in sorted(learnt_at):
            booked += qty
            change = {"filled_qty": booked, "booked_qty": booked}
            self.add("orders", arrived, key="order_id", order_id=order["order_id"], **change)

    def _explain(self, signal_id: int, at: datetime) -> None:
        written = at + self.lag(0, 1, 15, 300)
        self.add(
            *("signal_explanations", written + self.lag(0, 0, 100)),
            signal_explanation_id=self.new_id("signal_explanations"),
            signal_id=signal_id,
            signal_at=at,
            text=f"words {signal_id}",
            author="rules",
            created_at=written,
            recorded_at=written,
        )
        self.add(
            *("anomalies", written + self.lag(0, 0, 100)),
            anomaly_id=self.new_id("anomalies"),
            city_code=self.random.choice((None, "NYC")),
            ticker=self.random.choice((None, self.random.choice(self.events).market(0))),
            **{"class": self.random.choice(("NORMAL", "ALERT"))},  # type: ignore[arg-type]
            kind="K",
            reason=f"r {signal_id}",
            author="rules",
            occurred_at=written,
            recorded_at=written,
        )

    def _result(self, event: Event) -> None:
        """What the exchange says and pays; now and then it corrects itself, or settles at a fair price."""
        roll = self.random.random()
        values = [self.random.choice((90, 250) if event.market_type == "RAIN" else range(78, 86))]
        if roll < 0.15:
            values.append(values[0] + self.random.choice((-2, 3)))
        fair = D("0.37") if roll > 0.9 else None
        for number, (lo, hi) in enumerate(event.brackets):
            if self.random.random() < 0.05:
                continue
            market = {"ticker": event.market(number), "event_ticker": event.ticker}
            determined = event.ends_at + self.lag(30, 400, 401)
            paid = dict.fromkeys(self.modes, D(0))
            for value in values:
                won = (lo is None or lo <= value) and (hi is None or value <= hi)
                if fair is None:
                    self._published(market, event.climate_date, won, value, determined)
                for mode in self.modes:
                    paid[mode] += self._paid(market, mode, won, fair, determined, paid[mode])
                determined += self.lag(100, 2000)

    def _published(self, market: Row, day: date, won: bool, value: int, at: datetime) -> None:
        self.add(
            *("market_results", at + self.lag(0, 1, 1500)),
            **market,
            climate_date=day,
            result="yes" if won else "no",
            value=value if self.random.random() < 0.9 else None,
            determined_at=at,
            recorded_at=at,
        )

    def _paid(
        self, market: Row, mode: str, won: bool, fair: Decimal | None, at: datetime, before: Decimal
    ) -> Decimal:
        """Let the payout of a mode's position arrive, less what was paid before; return it."""
        net = self.net_yes.get((mode, market["ticker"]))
        if net is None:
            return D(0)
        per_yes = fair if fair is not None else D(won)
        difference = (net * per_yes if net > 0 else -net * (1 - per_yes)) - before
        self.add(
            *("settlements", at + self.lag(0, 2, 70, 3000)),
            **market,
            mode=mode,
            result="scalar" if fair is not None else "yes" if won else "no",
            value_usd=fair,
            yes_qty=0,
            no_qty=0,
            revenue_usd=difference,
            settled_at=at + MINUTE,
            recorded_at=at,
            epoch=1,
        )
        return difference
