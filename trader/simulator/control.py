"""Routes of the simulator itself under /sim: clock, world, truth, counters."""

import json
from typing import Any

from trader.simulator.account import Account
from trader.simulator.clock import ClockWentBack
from trader.simulator.envelopes import rfc3339
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Faults
from trader.simulator.http import Answer, Request, Route, answer
from trader.simulator.portfolio_json import fill_json, order_json, position_json, settlement_json
from trader.simulator.world import instant


class RequestLog:
    """Counts of requests by route. Bodies, headers and signatures never enter."""

    def __init__(self) -> None:
        self.counts: dict[Route, list[int]] = {}

    def add(self, route: Route, is_signed: bool) -> None:
        row = self.counts.setdefault(route, [0, 0])
        row[0] += 1
        row[1] += is_signed

    def report(self) -> dict[str, Any]:
        rows = [
            {
                "method": route.method,
                "path": route.template,
                "operation": route.operation,
                "order_path": route.is_order_path,
                "count": total,
                "signed": signed,
            }
            for route, (total, signed) in sorted(self.counts.items(), key=lambda item: item[0].template)
        ]
        total, signed = (
            (sum(column) for column in zip(*self.counts.values(), strict=True)) if rows else (0, 0)
        )
        order_path = sum(counted[0] for route, counted in self.counts.items() if route.is_order_path)
        return {"requests": rows, "total": total, "signed": signed, "order_path": order_path}


class Control:
    """Serves the clock and the truth; nothing here needs a signature, the server listens on loopback only."""

    def __init__(self, exchange: Exchange, faults: Faults, log: RequestLog) -> None:
        self._exchange, self._faults, self._log = exchange, faults, log

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/sim/clock", "sim_clock", self.clock),
            Route("POST", "/sim/clock", "sim_clock_move", self.move),
            Route("GET", "/sim/world", "sim_world", self.world),
            Route("GET", "/sim/ledger", "sim_ledger", self.ledger),
            Route("GET", "/sim/requests", "sim_requests", lambda _: answer(200, self._log.report())),
            Route("GET", "/sim/faults", "sim_faults", lambda _: answer(200, self._faults.report())),
        )

    def clock(self, _: Request) -> Answer:
        now, clock = self._exchange.advance(), self._exchange.clock
        shown = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return answer(
            200,
            {"world": self._exchange.world.name, "now": shown, "speed": clock.speed, "frozen": clock.frozen},
        )

    def move(self, request: Request) -> Answer:
        """Move the clock; everything due in between happens first, in its order."""
        try:
            wanted = instant(json.loads(request.body)["now"])
        except (ValueError, KeyError, TypeError) as error:
            return answer(
                400, {"error": f'expected {{"now": RFC 3339 instant}}, found {error}; clock unchanged'}
            )
        try:
            self._exchange.clock.move_to(wanted)
        except ClockWentBack as error:
            return answer(409, {"error": str(error)})
        return self.clock(request)

    def world(self, _: Request) -> Answer:
        world = self._exchange.world
        instants = {
            "captures": world.captures,
            "settlements": world.settlement_instants,
            "cycle_instants": world.cycle_instants,
        }
        bounds = {"name": world.name, "start": rfc3339(world.start), "end": rfc3339(world.end)}
        return answer(
            200, bounds | {name: [rfc3339(at) for at in moments] for name, moments in instants.items()}
        )

    def ledger(self, _: Request) -> Answer:
        """The whole truth, cash exact to the last digit, everything oldest first."""
        now, account = self._exchange.advance(), self._exchange.account
        return answer(
            200,
            {
                "now": rfc3339(now),
                **_cash(account),
                "orders": [order_json(order) for order in account.orders.values()],
                "fills": [fill_json(fill) for fill in account.fills],
                "positions": [
                    position_json(row, now) | {"event_ticker": row.event_ticker, "settled": row.is_settled}
                    for row in account.positions.values()
                ],
                "settlements": [settlement_json(row) for row in account.settlements],
                "transfers": [
                    {"amount_dollars": f"{row.amount:f}", "at": rfc3339(row.at), "listed": row.is_listed}
                    for row in account.transfers
                ],
            },
        )


def _cash(account: Account) -> dict[str, str]:
    fees = sum((fill.fee for fill in account.fills), start=account.cash * 0)
    revenue = sum((row.revenue for row in account.settlements), start=account.cash * 0)
    figures = {
        "starting_cash_dollars": account.starting_cash,
        "cash_dollars": account.cash,
        "available_dollars": account.available,
        "positions_cost_dollars": account.positions_cost,
        "fees_paid_dollars": fees,
        "settlement_revenue_dollars": revenue,
    }
    return {name: f"{value:f}" for name, value in figures.items()}
