"""The warehouse a second time, continued: what was decided and why not, and what was said about it."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from tests.warehouse.book import Book, first_seen
from tests.warehouse.exact import F, Row, Tables, grouped, minute, ratio, summed, total

STEPS = ("seen", "priced", "edge", "gates", "risk", "sent", "filled", "settled")
Key = tuple[Any, ...]


class Decisions:
    """Everything that follows from signals and advice, as of ``trades.as_of``."""

    def __init__(self, ops: Tables, trades: Book) -> None:
        self.ops, self.trades, self.until = ops, trades, trades.until
        self.cycles = {c["cycle_id"]: c for c in ops["cycles"] if self._ended(c) <= self.until}
        self.stopped = self._stopped()

    @staticmethod
    def _ended(cycle: Row) -> datetime:
        ended: datetime = cycle["finished_at"] or cycle["started_at"] + timedelta(hours=1)
        return ended

    def _stopped(self) -> Counter[Key]:
        """Signals by date, mode, city, market type, strategy, version, step and reason."""
        risks = grouped(self.ops["risk_decisions"], lambda r: (r["cycle_id"], r["ticker"]))
        sent = {o["signal_id"] for o in self.ops["orders"] if o["sent_at"]}
        fills = grouped(self.trades.bought, lambda b: b.order["signal_id"])
        counts: Counter[Key] = Counter()
        for s in self.ops["signals"]:
            if s["cycle_id"] not in self.cycles:
                continue
            asked = risks[s["cycle_id"], s["ticker"]] if s["decision"] != "HOLD" else []
            allowed = any(r["allowed_qty"] > 0 for r in asked)
            small = [r for r in ("EDGE_TOO_SMALL", "EDGE_IMPLAUSIBLE") if r in s["reasons"]]
            if s["signal_id"] in fills and s["signal_id"] in sent:
                is_over = all(b.outcome for b in fills[s["signal_id"]])
                step = (8, "SETTLED") if is_over else (7, "NOT_SETTLED")
            elif s["signal_id"] in sent:
                step = (6, "NOT_FILLED")
            elif allowed:
                step = (5, "NOT_SENT")
            elif s["decision"] != "HOLD":
                step = (4, min((r["reasons"][0] for r in asked), default="NOT_CHOSEN"))
            elif s["p_yes"] is None:
                step = (1, s["reasons"][0])
            elif small or s["edge"] is None:
                step = (2, small[0] if small else s["reasons"][0])
            else:
                step = (3, s["reasons"][0])
            counts[
                s["climate_date"],
                s["mode"],
                s["city_code"],
                s["market_type"],
                s["strategy_name"],
                s["strategy_version"],
                *step,
            ] += 1
        return counts

    def _summed(self, *places: int) -> Counter[Key]:
        counts: Counter[Key] = Counter()
        for key, count in self.stopped.items():
            counts[tuple(key[p] for p in places)] += count
        return counts

    def decision_reasons(self) -> list[Row]:
        names = ("date", "mode", "city_code", "market_type", "strategy_name", "step_no", "reason")
        rows = []
        for key, count in self._summed(0, 1, 2, 3, 4, 6, 7).items():
            row = dict(zip(names, key, strict=True))
            rows.append(row | {"strategy_name": in_words(row["strategy_name"]), "count": count})
        return rows

    def decision_funnel(self) -> list[Row]:
        rows = []
        counts = self._summed(0, 1, 6, 7)
        for day, mode in {key[:2] for key in counts}:
            mine = {key[2:]: n for key, n in counts.items() if key[:2] == (day, mode)}
            for number, step in enumerate(STEPS, start=1):
                lost = {reason: n for (at, reason), n in mine.items() if at == number < 8}
                top = sorted(lost.items(), key=lambda item: (-item[1], item[0]))
                rows.append(
                    {
                        "date": day,
                        "mode": mode,
                        "step_no": number,
                        "step": step,
                        "count": sum(n for (at, _), n in mine.items() if at >= number),
                        "lost": sum(lost.values()),
                        "top_reasons": [{"reason": reason, "count": n} for reason, n in top],
                    }
                )
        return rows

    def strategy_metrics(self) -> list[Row]:
        signals = self._summed(4, 5, 0, 1)
        fills = grouped(
            [b for b in self.trades.bought if b.terms and b.order["strategy_name"]],
            lambda b: (b.order["strategy_name"], b.order["strategy_version"], b.date, b.fill["mode"]),
        )
        rows = []
        for key in {*signals, *fills}:
            mine = fills.get(key, [])
            judged = [b for b in mine if b.p_yes is not None]
            settled = [b.pnl for b in mine if b.pnl is not None]
            rows.append(
                {
                    "strategy_name": in_words(key[0]),
                    "strategy_version": key[1],
                    "date": key[2],
                    "mode": key[3],
                    "signals": signals.get(key, 0),
                    "trades": len(mine),
                    "edge_realized": ratio(total(b.edge for b in judged), len(judged)),
                    "avg_fill_price_minus_p_yes": ratio(
                        summed(F(b.fill["price"]) - F(b.p_yes) for b in judged), len(judged)
                    ),
                    "pnl": total(settled),
                }
            )
        return rows

    def signal_explanations(self) -> list[Row]:
        signals = {s["signal_id"]: s for s in self.ops["signals"]}
        rows = []
        for e in self.ops["signal_explanations"]:
            s = signals[e["signal_id"]]
            if e["created_at"] <= self.until and s["cycle_id"] in self.cycles:
                rows.append(
                    {
                        "date": s["climate_date"],
                        **{name: s[name] for name in ("mode", "city_code", "market_type", "decision")},
                        "bracket_label": self._label(s["ticker"], s["decided_at"]),
                        "strategy_name": in_words(s["strategy_name"]),
                        "text": e["text"],
                        "author": e["author"],
                        "decided_at": minute(s["decided_at"]),
                    }
                )
        return rows

    def _label(self, ticker: str | None, at: datetime) -> str | None:
        known = [v for v in self.trades.versions[ticker] if v["first_seen_at"] <= at]
        return str(max(known, key=first_seen)["label"]) if known else None

    def anomalies(self) -> list[Row]:
        rows = []
        for a in self.ops["anomalies"]:
            if a["occurred_at"] <= self.until:
                known = [
                    v for v in self.trades.versions[a["ticker"]] if v["first_seen_at"] <= a["occurred_at"]
                ]
                terms = max(known, key=first_seen) if known else {}
                rows.append(
                    {
                        "date": terms.get("climate_date"),
                        "city_code": a["city_code"],
                        "market_type": terms.get("market_type"),
                        "bracket_label": terms.get("label"),
                        **{name: a[name] for name in ("class", "kind", "reason", "author")},
                        "occurred_at": minute(a["occurred_at"]),
                    }
                )
        return rows


def in_words(strategy: object) -> object:
    return "no strategy" if strategy == "none" else strategy
