"""The invariants, checked against the simulator's own ledger; the code under test is never asked.

Numbers as in the fault model: I1 one order per intent; I2 durable intent first; I3 fills equal; I4 money
conserved; I5 no create while paused; I6 caps hold on the truth, and our estimate covers it; I7 the machine is
monotone; I8 unknown is bounded and honest; I9 no decision on bad input; I11 persist or stop; I12 one writer;
I13 SHADOW is silent; I15 it recovers; I16 no secret leaves; I17 days partition time; I18 reconcile first.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import combinations
from typing import Any

from tests.simulation.shelf import Shelf
from tests.simulation.witness import Process, Witness
from trader.adapters.wire import Answered
from trader.domain.cities import load_cities
from trader.domain.plan import CycleInputs
from trader.domain.risk import Cap, RiskLimits, StateChange
from trader.domain.types import Action, OrderStatus, ReasonCode, TradingMode, TradingState
from trader.ports.ops_store import OpsStore
from trader.simulator.account import Account, Fill, Order
from trader.simulator.exchange import Exchange

ZERO, ONE = Decimal(0), Decimal(1)
CREATE = ("POST", "/trade-api/v2/portfolio/events/orders")
LISTS = frozenset({"orders", "fills", "positions", "settlements", "balance"})
"""What a reconciliation looks at: the last part of each path."""
STATION = re.compile(r"/stations/(\w+)/observations")
LONG_WORD = re.compile(r"[A-Za-z0-9+/]{60,}={0,2}")
ORDER_PATHS = ("/portfolio/events/orders", "/portfolio/orders")
CLOSED = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.DENIED}
)


class Violation(AssertionError):
    """An invariant is broken. ``which`` is its number."""

    def __init__(self, which: str, what: str) -> None:
        super().__init__(f"{which}: {what}")
        self.which = which


class Book:
    """Our own orders on the truth: what they hold and what they may still cost, per market."""

    def __init__(self, account: Account) -> None:
        self._account, self._seen = account, 0
        self.held: dict[str, tuple[Decimal, Decimal]] = {}
        """Signed contracts and their cost, by ticker, from our own expected fills."""
        self._unforeseen: dict[str, Decimal] = {}
        """Signed contracts that no plan of ours opened, bought by hand or filled after a confirmed cancel:
        selling them opens nothing."""

    def refresh(self) -> None:
        orders = self._account.orders
        for fill in self._account.fills[self._seen :]:
            if fill.is_unexpected or orders[fill.order_id].is_foreign:
                came = fill.count if fill.is_bid else -fill.count
                self._unforeseen[fill.ticker] = self._unforeseen.get(fill.ticker, ZERO) + came
            else:
                self._book(fill)
        self._seen = len(self._account.fills)

    def _book(self, fill: Fill) -> None:
        count, cost = self.held.get(fill.ticker, (ZERO, ZERO))
        sign = 1 if fill.is_bid else -1
        closing = min(fill.count, max(ZERO, -sign * count))
        if closing:
            cost -= cost * closing / abs(count)
        unforeseen = self._unforeseen.get(fill.ticker, ZERO)
        undone = min(fill.count - closing, max(ZERO, -sign * unforeseen))
        self._unforeseen[fill.ticker] = unforeseen + sign * undone
        opened = fill.count - closing - undone
        cost += opened * (fill.price if fill.is_bid else 1 - fill.price)
        self.held[fill.ticker] = (count + sign * (fill.count - undone), cost)

    def worst(self, brackets: Iterable[str]) -> Decimal:
        """Most that one event's brackets can lose, one of them winning, dollars; fees apart.

        What no plan of ours opened is left out, or counted with what it offsets: a plan may or may not have
        known of it, so the smaller one holds.
        """
        real = self._account.positions
        names = [name for name in brackets if not (name in real and real[name].is_settled)]
        ours = [(name, *self.held.get(name, (ZERO, ZERO))) for name in names]
        everything = [(name, real[name].count, real[name].cost) for name in names if name in real]
        resting = [
            (o, o.remaining) for name in names for o in self._account.resting(name) if not o.is_foreign
        ]
        opening = [pair for name in names for pair in self._opening(name)]
        return min(_worst(names, ours, opening), _worst(names, everything, resting))

    def _opening(self, ticker: str) -> Iterator[tuple[Order, Decimal]]:
        """Our resting orders and the contracts that they would open, beside those they would sell."""
        left = self._unforeseen.get(ticker, ZERO)
        for order in self._account.resting(ticker):
            if not order.is_foreign:
                sign = 1 if order.is_bid else -1
                undone = min(order.remaining, max(ZERO, -sign * left))
                left += sign * undone
                yield order, order.remaining - undone


def _worst(
    names: list[str],
    positions: list[tuple[str, Decimal, Decimal]],
    orders: list[tuple[Order, Decimal]],
) -> Decimal:
    worst = ZERO
    for winner in names:
        loss = sum((cost - _payout(count, name == winner) for name, count, cost in positions), ZERO)
        loss += sum((_order_loss(order, qty, order.ticker == winner) for order, qty in orders), ZERO)
        worst = max(worst, loss)
    return worst


def _payout(count: Decimal, wins: bool) -> Decimal:
    return max(count, ZERO) if wins else max(-count, ZERO)


def _order_loss(order: Order, qty: Decimal, wins: bool) -> Decimal:
    pays = wins is order.is_bid
    return max(ZERO, qty * (order.cost_per_contract - pays))


def _limit(cap: Cap, equity: Decimal) -> Decimal:
    """The smaller of dollars and part of equity, reckoned here and not by the code under test."""
    return min(cap.usd, cap.fraction * equity)


class Checks:
    """All checks of one episode."""

    def __init__(self, witness: Witness, exchange: Exchange, mode: TradingMode, limits: RiskLimits) -> None:
        self._witness, self._exchange, self._mode = witness, exchange, mode
        self.limits = limits
        self.shelf: Shelf | None = None
        self._truth = Book(exchange.account)
        self._halts: dict[tuple[str, ReasonCode], StateChange] = {}
        self._last_sender = 0
        self._highest_equity = exchange.account.cash
        self._filled: dict[int, Decimal] = {}
        self._risk_before: dict[str, Decimal] = {}
        self._looked_at: set[Decimal] = set()
        """Differences in cash that stood when a person last lifted the halts."""
        self.forgotten: set[str] = set()
        """Client ids that a restored backup lacks and no reconciliation has found again."""
        self.halt_file_since: int | None = None
        """Point from which the halt file was there."""
        self.secrets: tuple[str, ...] = ()
        """What no log line may hold, beside the signatures."""
        self._weather_at: dict[str, datetime] = {}
        """When a station last answered at all, by the trader's clock."""
        self._sent: set[str] = set()
        """Client ids of which a create was sent, as far as our books remember."""
        self._events: dict[str, list[str]] = defaultdict(list)
        for row in exchange.world.markets.values():
            self._events[row.event_ticker].append(row.ticker)
        witness.on_request, witness.on_answer, witness.on_call = self.on_request, self.on_answer, self.on_call

    def fail(self, which: str, what: str) -> None:
        raise Violation(which, what)

    # before a request's first byte

    def on_request(self, process: Process, method: str, path: str, content: bytes | None) -> None:
        is_order_path = (
            path.startswith(tuple("/trade-api/v2" + part for part in ORDER_PATHS)) and method != "GET"
        )
        if self._mode is TradingMode.SHADOW and is_order_path:
            self.fail("I13", f"SHADOW asked for {method} {path}")
        if (method, path) != CREATE or self.books is None:
            return
        body = json.loads(content or b"{}")
        key = process.facts["sent"] = body["client_order_id"]
        row = next((o for o in self.books.orders.open_orders(self._mode) if o.client_order_id == key), None)
        if key in self._sent:
            self.fail("I1", f"a second create of {key}")
        self._sent.add(key)
        if process.in_transaction:
            self.fail("I2", f"create of {key} inside a transaction: its intent is not committed")
        if row is None or row.status is not OrderStatus.SUBMITTING:
            self.fail(
                "I2", f"create of {key}: expected it committed as SUBMITTING, found {row and row.status}"
            )
        if not process.is_reconciled:
            self.fail("I18", f"create of {key} before epoch {process.epoch} reconciled")
        if lacking := LISTS - process.facts.get("listed", set()):
            self.fail("I18", f"create of {key}, and its process has never read {sorted(lacking)}")
        if process.epoch < self._last_sender:
            self.fail("I12", f"epoch {process.epoch} sends after epoch {self._last_sender}")
        self._last_sender = process.epoch
        if process.failed_write is not None:
            self.fail("I11", f"create of {key} after {process.failed_write} failed, before a probe committed")
        assert row is not None
        self._check_halts(process, row.ticker, row.city_code, row.action)
        self._check_inputs(process, row.ticker)
        self._check_weather(process, row.city_code, row.action)

    def _check_weather(self, process: Process, city_code: str, action: Action) -> None:
        """The decision's weather is no older than its limit: its station had answered by then. A flatten asks
        no forecast.
        """
        inputs: CycleInputs | None = process.facts.get("inputs")
        is_flatten = any(state.reason is ReasonCode.OPERATOR_FLATTEN for state in self._halts.values())
        if inputs is None or (is_flatten and action is Action.REDUCE):
            return
        seen_at = self._weather_at.get(load_cities()[city_code].settlement_station)
        if seen_at is None or inputs.now - seen_at > timedelta(seconds=inputs.gates.max_fetch_age_s):
            self.fail("I9", f"{city_code}: decided at {inputs.now} on weather of {seen_at}")

    def _check_halts(self, process: Process, ticker: str, city: str, action: Action) -> None:
        now = self._witness.clock.now()
        scopes = {"book", f"city:{city}", f"market:{ticker}"}
        found = [
            change
            for (scope, _), change in self._halts.items()
            if scope in scopes
            and change.state is not TradingState.ACTIVE
            and (change.until is None or now < change.until)
        ]
        is_flatten = any(change.reason is ReasonCode.OPERATOR_FLATTEN for change in found)
        for change in found:
            if action is Action.OPEN or (change.state is TradingState.HALTED and not is_flatten):
                self.fail("I5", f"{action} in {ticker} while {change.scope} {change.state} {change.reason}")
        reserved = process.facts.get("reserved_at", 0)
        is_sale = is_flatten and action is Action.REDUCE  # ordered by name; see breakers.SELLABLE
        if self.halt_file_since is not None and reserved > self.halt_file_since and not is_sale:
            self.fail("I5", f"create in {ticker} while the halt file is there")
        if process.facts.get("trading_active") is False:
            self.fail("I5", f"create in {ticker} while the exchange last said that it does not trade")
        status = process.facts.get("markets", {}).get(ticker)
        if status not in (None, "active"):
            self.fail("I5", f"create in {ticker}, which was last said to be {status}")

    def _check_inputs(self, process: Process, ticker: str) -> None:
        """The book that the decision saw was the exchange's, and young; its weather was the station's."""
        inputs: CycleInputs | None = process.facts.get("inputs")
        if inputs is None:
            return
        market = next((row for row in inputs.snapshots if row.ticker == ticker), None)
        if market is None or market.book is None:
            self.fail("I9", f"create in {ticker} without a book")
            return
        book, world = market.book, self._exchange.world
        if inputs.now - book.captured_at > timedelta(seconds=inputs.gates.max_book_age_s):
            self.fail("I9", f"{ticker}: decided on a book of {book.captured_at} at {inputs.now}")
        captured_at = book.captured_at - self._witness.clock.offset
        near = {world.capture_at(captured_at + timedelta(seconds=s)) for s in (-20, 0, 1)} - {None}
        true_levels: set[tuple[str, int, int]] = set()
        for capture in near:
            sides = world.book(capture, ticker) if capture is not None else None
            for name, side in zip(("yes", "no"), sides or ((), ()), strict=True):
                true_levels |= {(name, cents, size) for cents, size in side}
        for name, levels in (("yes", book.yes_bids), ("no", book.no_bids)):
            for level in levels:
                true = [
                    size for side, cents, size in true_levels if side == name and cents == level.price * 100
                ]
                if not true or level.size * 100 > max(true):
                    self.fail("I9", f"{ticker}: decided on a {name} bid {level}, which never stood")

    # after a request

    def on_answer(self, process: Process, method: str, path: str, answered: Answered | None) -> None:
        if answered is not None and answered[0] == 200 and method == "GET":
            self._remember(process, path, answered[2])
        if self.books is None or "/portfolio/" not in path:
            return
        self._truth.refresh()
        account = self._exchange.account
        if (method, path) == CREATE:
            self._check_duplicates(account)
            self._check_caps(account, process.facts["sent"])
            if answered is not None and answered[0] == 201 and process.epoch < self._last_sender:
                self.fail(
                    "I12", f"an order of epoch {process.epoch} was taken after epoch {self._last_sender}'s"
                )
        self._check_estimates(account, method)

    def _remember(self, process: Process, path: str, body: bytes) -> None:
        if (name := path.rpartition("/")[2]) in LISTS:
            process.facts.setdefault("listed", set()).add(name)
        if found := STATION.fullmatch(path):
            now = self._witness.clock.now()
            self._weather_at[found[1]] = max(now, self._weather_at.get(found[1], now))
        if not path.endswith(("/exchange/status", "/markets")):
            return
        try:
            said = json.loads(body)
        except ValueError:
            return
        if path.endswith("/exchange/status"):
            process.facts["trading_active"] = said.get("trading_active")
        elif path == "/trade-api/v2/markets":
            known = process.facts.setdefault("markets", {})
            for row in said.get("markets", ()):
                if isinstance(row, dict) and "ticker" in row:
                    known[row["ticker"]] = row.get("status")

    def _check_duplicates(self, account: Account) -> None:
        ids = Counter(o.client_order_id for o in account.orders.values() if not o.is_foreign)
        for key, count in ids.items():
            if count > 1:
                self.fail("I1", f"{count} orders for the intent {key}")

    def _check_caps(self, account: Account, sent: str) -> None:
        """Caps at the highest equity there ever was; a cap lowered under what is held allows no new risk."""
        self._highest_equity = max(self._highest_equity, account.cash + account.positions_cost)
        equity = self._highest_equity * Decimal("1.15")
        newest = next(reversed(account.orders.values()), None)
        if newest is None or newest.client_order_id != sent or not (newest.filled or newest.remaining):
            return
        closing_only = self.books is not None and any(
            o.client_order_id == newest.client_order_id and o.action is Action.REDUCE
            for o in self.books.orders.live_orders(self._mode)
        )
        if not closing_only and newest.initial * newest.cost_per_contract > _limit(self.limits.trade, equity):
            self.fail(
                "I6", f"one order risks {newest.initial * newest.cost_per_contract}, above the trade cap"
            )
        world, cities = self._exchange.world, defaultdict[str, Decimal](Decimal)
        for names in self._events.values():
            city = world.markets[names[0]].city
            cities[city] += self._truth.worst(names)
        clusters = defaultdict[str, Decimal](Decimal)
        for city, risk in cities.items():
            clusters[load_cities()[city].cluster] += risk
        city = world.markets[newest.ticker].city
        cluster = load_cities()[city].cluster
        for name, risk, cap in (
            (f"city {city}", cities[city], self.limits.city),
            (f"cluster {cluster}", clusters[cluster], self.limits.cluster),
            ("book", sum(cities.values(), ZERO), self.limits.open_risk),
        ):
            before = self._risk_before.get(name, ZERO)
            self._risk_before[name] = risk
            if risk > max(before, _limit(cap, equity)) and not closing_only:
                self.fail("I6", f"{name}: {risk} dollars at worst, above the cap {_limit(cap, equity)}")

    def _check_estimates(self, account: Account, method: str) -> None:
        """Every order of ours that stands or filled at the exchange is counted in our books for as much."""
        unexpected: dict[str, Decimal] = defaultdict(Decimal)
        for fill in account.fills:
            if fill.is_unexpected:
                unexpected[fill.order_id] += fill.count
        assert self.shelf is not None
        ours = {row.client_order_id: row for row in self.shelf.orders()} if account.orders else {}
        for order in account.orders.values():
            if order.is_foreign or order.client_order_id in self.forgotten:
                continue
            row = ours.get(order.client_order_id)
            if row is None:
                self.fail("I2", f"the exchange has {order.client_order_id}, our books do not")
                continue
            side, price = row.buys
            wanted = (row.ticker, side.value == "YES", price if side.value == "YES" else 1 - price, row.qty)
            if wanted != (order.ticker, order.is_bid, order.price, order.initial):
                self.fail("I2", f"{row.client_order_id} was to be {wanted}, the exchange has {order}")
            if row.status in (OrderStatus.REJECTED, OrderStatus.DENIED):
                self.fail("I8", f"{row.client_order_id} counts as {row.status}, the exchange has it")
            counted = row.booked_qty + row.pending_qty
            real = order.filled - unexpected[order.order_id] + order.remaining
            if counted < real and method == "GET":
                self.fail("I6", f"{row.client_order_id}: {counted} counted, {real} at the exchange")

    def _row(self, client_order_id: str) -> Any:
        assert self.shelf is not None
        return self.shelf.order(client_order_id)

    @property
    def books(self) -> OpsStore | None:
        return self.shelf.books if self.shelf is not None else None

    # calls of the books

    def on_call(
        self, process: Process, name: str, args: tuple[Any, ...], keywords: dict[str, Any], result: Any
    ) -> None:
        if name == "open_epoch":
            process.epoch = result
        elif name == "mark_reconciled":
            process.is_reconciled = True
        elif name == "risk.probe_write":
            process.failed_write = None
        elif name == "risk.save_state":
            process.once_committed(lambda: self._halts.update({(args[0].scope, args[0].reason): args[0]}))
        elif name == "cycles.begin":
            process.facts["inputs"] = None
        elif name == "orders.create":
            process.facts["reserved_at"] = self._witness.points.count
        elif name == "orders.create_found":
            process.once_committed(lambda: self.forgotten.discard(args[0].client_order_id))
        elif name == "orders.transition":
            process.once_committed(lambda: self._check_filled(args[0], result))
        elif name == "orders.move_all":
            for row in result:
                process.once_committed(partial(self._check_filled, row.order_id, row))
        elif name == "cycles.save_inputs":
            process.facts["inputs"] = args[1]
            self._check_days(args[1])

    def _check_filled(self, order_id: int, row: Any) -> None:
        before = self._filled.get(order_id, ZERO)
        if row.filled_qty < before or row.filled_qty > row.qty:
            self.fail("I7", f"order {order_id}: filled {before}, then {row.filled_qty} of {row.qty}")
        self._filled[order_id] = row.filled_qty

    def _check_days(self, inputs: CycleInputs) -> None:
        """The climate day is the date on a clock that never knows summer time."""
        hours = {city.code: city.std_utc_offset_hours for city in inputs.cities}
        for row in inputs.weather:
            expected = (row.captured_at + timedelta(hours=hours[row.city_code])).date()
            if row.climate_date != expected:
                self.fail("I17", f"{row.city_code} at {row.captured_at}: {row.climate_date}, not {expected}")

    def operator(self, change: StateChange) -> None:
        """A person's halt, stored beside the trader."""
        self._halts[change.scope, change.reason] = change

    def resumed(self) -> None:
        """A person looked at the differences and lifted halts: what is still stored is in force."""
        books = self.books
        assert books is not None
        now = self._witness.clock.now()
        self._looked_at = {
            Decimal(found.theirs) - Decimal(found.ours)
            for found in books.risk.open_breaks(self._mode)
            if found.kind == "cash"
        }
        self._halts = {(state.scope, state.reason): state for state in books.risk.states(self._mode, now)}

    def restored(self) -> None:
        """A backup took the books' place: what it lacks is forgotten until it is found again."""
        books = self.books
        assert books is not None
        self._filled, self._sent = {}, set()
        self._last_sender = 0  # nobody lives, and epochs are counted on from the backup's
        self._halts = {
            (state.scope, state.reason): state
            for state in books.risk.states(self._mode, self._witness.clock.now())
        }
        known = {o.client_order_id for o in self._exchange.account.orders.values() if not o.is_foreign}
        self.forgotten = {key for key in known if self._row(key) is None}

    # at rest

    def at_rest(self) -> None:
        """Everything is equal: orders, fills, positions, cash, payouts; nothing is unknown."""
        books, account, mode = self.books, self._exchange.account, self._mode
        assert books is not None
        if mode is TradingMode.SHADOW:
            if any(not order.is_foreign for order in account.orders.values()):
                self.fail("I13", "SHADOW left orders at the exchange")
            return
        self._check_duplicates(account)
        alive = {o.client_order_id for o in account.orders.values() if o.filled or o.remaining}
        if self.forgotten & alive:
            self.fail("I3", f"forgotten by a backup and never found again: {sorted(self.forgotten)}")
        for row in books.orders.open_orders(mode):
            real = account.orders.get(row.kalshi_order_id or "")
            if real is not None and real.remaining and not row.is_foreign and real.expires_at is None:
                self.fail("I8", f"{row.client_order_id} rests at the exchange without an end")
            if row.expires_at is not None and row.expires_at > self._witness.clock.now():
                continue  # its end has not come: a clock that ran ahead wrote it down
            if real is None or not real.remaining:
                self.fail(
                    "I8",
                    f"{row.client_order_id} is still {row.status}, at the exchange {real and real.state}",
                )
        ours = Counter((f.fill_id, f.kalshi_order_id, f.qty, f.fee) for f in books.fills.get(mode))
        begun = min(e.occurred_at for e in books.capital.events(mode) if e.kind == "START")
        theirs = Counter(
            (f.fill_id, f.order_id, f.count, f.fee)
            for f in account.fills
            if f.at >= begun or not account.orders[f.order_id].is_foreign  # else before our books, not ours
        )
        if ours != theirs:
            self.fail("I3", f"fills missing {list(theirs - ours)[:3]}, invented {list(ours - theirs)[:3]}")
        held = {p.ticker: p.qty if p.side.value == "YES" else -p.qty for p in books.positions.held(mode)}
        real_held = {p.ticker: p.count for p in account.positions.values() if p.count}
        if held != real_held:
            self.fail("I4", f"positions {held}, at the exchange {real_held}")
        cash = books.capital.total(mode) + books.positions.realized(mode)
        cash -= sum((p.cost_usd for p in books.positions.held(mode)), ZERO)
        if cash != account.cash:
            self._check_missing_money(account.cash - cash)
        assert self.shelf is not None
        for order in self.shelf.orders():
            self._check_history(order.order_id or 0)

    def _check_missing_money(self, difference: Decimal) -> None:
        """A difference is money that moved without a word, and trading stands until a person has looked."""
        moved = [row.amount for row in self._exchange.account.transfers]
        sums = {sum(some, ZERO) for size in range(len(moved) + 1) for some in combinations(moved, size)}
        if difference not in sums - {ZERO}:
            self.fail("I4", f"our cash lacks {difference}; moved: {moved}")
        is_known = difference in self._looked_at
        if not is_known and ("book", ReasonCode.RECONCILIATION_BREAK) not in self._in_force():
            self.fail("I4", f"our cash lacks {difference}, and trading goes on")

    def _in_force(self) -> set[tuple[str, ReasonCode]]:
        assert self.books is not None
        states = self.books.risk.states(self._mode, self._witness.clock.now())
        return {(state.scope, state.reason) for state in states}

    def _check_history(self, order_id: int) -> None:
        assert self.books is not None
        closed: OrderStatus | None = None
        for before, to, _, _ in self.books.orders.events(order_id):
            if closed is not None and (before is not closed or to is not closed):
                self.fail("I7", f"order {order_id} went from {before} to {to} after it was {closed}")
            closed = to if to in CLOSED else closed

    def no_secret_in(self, lines: Iterable[str]) -> None:
        """Neither key, key id nor any signature that was made."""
        signatures = {signature.rstrip("=") for signature in self._witness.signatures} - {""}
        for line in lines:
            told = {word.rstrip("=") for word in LONG_WORD.findall(line)} & signatures
            if told or any(secret in line for secret in self.secrets):
                self.fail("I16", f"a secret is in a log line: {line[:80]}")
