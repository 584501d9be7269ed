"""The warehouse a second time, in plain Python from raw rows of ops: what was traded, and what it brought."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.warehouse.book import Book, Bought, Step, first_seen
from tests.warehouse.exact import F, Row, grouped, lead, minute, ratio, rounded, summed, total

QUOTES_REACH_BACK = timedelta(days=35)
EDGES = ((0, "below 0"), (2, "0 to 2 cents"), (4, "2 to 4 cents"), (6, "4 to 6 cents"), (10, "6 to 10 cents"))


class Trades(Book):
    """Every mart that follows from fills."""

    def public_trades(self) -> list[Row]:
        return [
            {
                "city": b.order["city_code"],
                "city_name": self.cities[b.order["city_code"]]["name"],
                "market_type": b.terms and b.terms["market_type"],
                "climate_date": b.date,
                "bracket_label": b.terms and b.terms["label"],
                "side": b.fill["side"],
                "action": b.fill["action"],
                "qty": b.fill["qty"],
                "price": b.fill["price"],
                "fee": b.fill["fee"],
                "fill_time": minute(b.fill["filled_at"]),
                "mode": b.fill["mode"],
                "strategy_name": b.order["strategy_name"],
                "p_side": None if b.p_yes is None else b.p_yes if b.fill["side"] == "YES" else 1 - b.p_yes,
                "edge": b.edge,
                "outcome": b.outcome,
                "pnl": b.pnl,
            }
            for b in self.bought
        ]

    def city_metrics(self) -> list[Row]:
        rows = []
        for (city, day, mode), found in self._by(lambda b: (b.order["city_code"], b.date, b.fill["mode"])):
            positions = grouped(found, lambda b: b.fill["ticker"]).values()
            settled = [p for p in positions if all(b.outcome for b in p)]
            results = [summed(b.pnl for b in p) for p in settled]
            rows.append(
                {
                    "city_code": city,
                    "date": day,
                    "mode": mode,
                    "trades": len(found),
                    "qty": summed(b.qty for b in found),
                    "volume_usd": summed(b.qty * F(b.fill["price"]) for b in found),
                    "fees": summed(b.fee for b in found),
                    "pnl": total(results),
                    "wins": sum(r > 0 for r in results),
                    "losses": sum(r <= 0 for r in results),
                    "win_rate": ratio(F(sum(r > 0 for r in results)), len(results)),
                    "break_even_win_rate": ratio(
                        total(b.qty * b.price + b.fee for p in settled for b in p),
                        total(b.qty for p in settled for b in p),
                    ),
                }
            )
        return rows

    def _by(self, key: Callable[[Bought], Any]) -> Iterable[tuple[Any, list[Bought]]]:
        """Groups of the fills whose market we know."""
        return grouped([b for b in self.bought if b.terms], key).items()

    def pnl_breakdown(self) -> list[Row]:
        rows = []
        ways = ("edge", "lead", "market_type", "side")
        pieces = [(w, *self._bucket(w, b), b) for b in self.bought if b.terms for w in ways]
        by = grouped(pieces, lambda p: (p[3].date, p[3].fill["mode"], *p[:3]))
        for (day, mode, way, number, name), found in by.items():
            fills = [p[3] for p in found]
            settled = [b for b in fills if b.pnl is not None]
            won = sum(b.pnl > 0 for b in settled)
            rows.append(
                {
                    "date": day,
                    "mode": mode,
                    "dimension": way,
                    "bucket_no": number,
                    "bucket": name,
                    "trades": len(fills),
                    "qty": summed(b.qty for b in fills),
                    "paid_usd": summed(b.qty * b.price for b in fills),
                    "fees": summed(b.fee for b in fills),
                    "expected_pnl": total(b.edge and b.edge * b.qty for b in fills),
                    "pnl": total(b.pnl for b in settled),
                    "settled_trades": len(settled),
                    "won_trades": won,
                    "win_rate": ratio(F(won), len(settled)),
                    "break_even_win_rate": ratio(
                        total(b.qty * b.price + b.fee for b in settled), total(b.qty for b in settled)
                    ),
                }
            )
        return rows

    def _bucket(self, way: str, b: Bought) -> tuple[int, str]:
        if way == "edge":
            if b.edge is None:
                return 0, "no signal"
            for number, (cents, name) in enumerate(EDGES, start=1):
                if b.edge < Fraction(cents, 100):
                    return number, name
            return 6, "10 cents and more"
        if way == "lead":
            assert b.date
            left = self.day_end(b.order["city_code"], b.date) - b.fill["filled_at"]
            return lead(left / timedelta(hours=1))
        if way == "side":
            return (1, "YES") if b.side == "YES" else (2, "NO")
        assert b.terms
        kinds = ["HIGH", "LOW", "RAIN", "SNOW"]
        return kinds.index(b.terms["market_type"]) + 1, b.terms["market_type"]

    def closing_line_value(self) -> list[Row]:
        rows = []
        by = self._by(lambda b: (b.date, b.fill["mode"], b.order["strategy_name"] or "by hand"))
        for (day, mode, strategy), found in by:
            soon = [
                (b, self._moved(b, b.fill["filled_at"] + timedelta(hours=1), b.fill["filled_at"]))
                for b in found
            ]
            late = [(b, self._closed(b)) for b in found]
            qty = summed(b.qty for b in found)
            rows.append(
                {
                    "date": day,
                    "mode": mode,
                    "strategy_name": strategy,
                    "trades": len(found),
                    "qty": qty,
                    "avg_price": ratio(summed(b.qty * b.price for b in found), qty),
                    "avg_fee": ratio(summed(b.fee for b in found), qty),
                    **self._mean_move(soon, "hour_qty", "move_in_an_hour"),
                    **self._mean_move(late, "close_qty", "closing_line_value"),
                }
            )
        return rows

    @staticmethod
    def _mean_move(moves: list[tuple[Bought, Fraction | None]], qty: str, mean: str) -> Row:
        known = total(b.qty for b, move in moves if move is not None)
        return {qty: known, mean: ratio(total(move and b.qty * move for b, move in moves), known)}

    def _moved(self, b: Bought, at: datetime, after: datetime) -> Fraction | None:
        quote = self.last_quote(
            b.fill["ticker"], at, lambda q: None not in (q["yes_bid"], q["yes_ask"]), after
        )
        if quote is None:
            return None
        mid = (F(quote["yes_bid"]) + F(quote["yes_ask"])) / 2
        return (mid if b.side == "YES" else 1 - mid) - b.price

    def _closed(self, b: Bought) -> Fraction | None:
        newest = max(self.versions[b.fill["ticker"]], key=first_seen)
        closed = newest["close_time"]
        if closed > self.as_of:
            return None
        return self._moved(b, closed - timedelta(microseconds=1), closed - QUOTES_REACH_BACK)

    def exposure_by_cluster(self) -> list[Row]:
        rows = []
        event_of = {b.fill["ticker"]: b.order for b in self.bought}
        for mode in sorted({mode for mode, _ in self.steps}):
            held = self.held(mode, self.until)
            for cluster in sorted({c["cluster"] for c in self.cities.values()}):
                mine = {
                    t: s
                    for t, s in held.items()
                    if self.cities[event_of[t]["city_code"]]["cluster"] == cluster
                }
                events = grouped(mine, lambda t: event_of[t]["event_ticker"])
                rows.append(
                    {
                        "mode": mode,
                        "cluster": cluster,
                        "markets": len(mine),
                        "qty": summed(s.qty for s in mine.values()),
                        "cost_usd": summed(s.cost for s in mine.values()),
                        "worst_case_usd": summed(self._worst(mine, ts) for ts in events.values()),
                        "as_of": minute(self.until),
                    }
                )
        return rows

    def _worst(self, held: dict[str, Step], tickers: list[str]) -> Fraction:
        cost = summed(held[t].cost for t in tickers)
        if "RAIN" in tickers[0]:
            return cost
        payouts = [
            summed(held[t].qty for t in tickers if (held[t].side == "YES") == (t == winner))
            for winner in (*tickers, None)
        ]
        return cost - min(payouts)

    def equity_curve(self) -> list[Row]:
        rows = []
        finished = [c for c in self.ops["cycles"] if c["finished_at"] and c["finished_at"] <= self.until]
        for mode, cycles in grouped(finished, lambda c: c["mode"]).items():
            peak: Fraction | None = None
            for at, same in sorted(grouped(cycles, lambda c: minute(c["finished_at"])).items()):
                end = max(same, key=lambda c: (c["finished_at"], c["cycle_id"]))["finished_at"]
                capital = summed(
                    F(e["amount_usd"])
                    for e in self.ops["capital_events"]
                    if e["mode"] == mode and e["occurred_at"] <= end
                )
                realized = summed(
                    s.realized
                    for key, steps in self.steps.items()
                    if key[0] == mode
                    for s in steps
                    if s.at <= end
                )
                unrealized = summed(self._mark(t, s, end) - s.cost for t, s in self.held(mode, end).items())
                equity = capital + realized + unrealized
                peak = max(capital if peak is None else peak, equity)
                rows.append(
                    {
                        "timestamp": at,
                        "mode": mode,
                        "starting_capital": capital,
                        "realized_pnl": realized,
                        "unrealized_pnl": unrealized,
                        "total_equity": equity,
                        "drawdown": rounded(1 - equity / peak) if peak > 0 else 0,
                    }
                )
        return rows

    def _mark(self, ticker: str, step: Step, at: datetime) -> Fraction:
        quote = self.last_quote(
            *(ticker, at),
            lambda q: q["yes_bid"] is not None or q["yes_ask"] is not None,
            at - QUOTES_REACH_BACK,
        )
        if quote is None:
            return step.cost
        if step.side == "YES":
            return step.qty * F(quote["yes_bid"] or 0)
        return step.qty * (1 - F(quote["yes_ask"]) if quote["yes_ask"] is not None else 0)
