"""The exposure engine against brute force on random books: ``make brute BOOKS=100000``.

Brute force knows nothing of the engine: whole cents, every outcome of every event times every subset of the
orders that may fill. It shares with it only the question. A difference prints the book and its seed.
"""

import argparse
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import compress, product
from os import cpu_count

from trader.core.exposure import Caps, Trade, is_over
from trader.domain.cities import load_cities
from trader.domain.positions import Holding
from trader.domain.risk import Cap, LossState, RiskLimits
from trader.domain.types import Side

CITIES = load_cities()
CODES = tuple(CITIES)
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Event:
    """An event of a city; ``outcomes`` are the sets of markets that may win together."""

    name: str
    city: str
    tickers: tuple[str, ...]
    outcomes: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Line:
    """A holding in whole contracts and cents."""

    event: Event
    ticker: str
    side: Side
    qty: int
    cents: int
    is_pending: bool


def random_event(dice: random.Random, number: int) -> Event:
    """A partition of six brackets, or a ladder of four thresholds."""
    name, city = f"E{number}", dice.choice(CODES)
    if dice.random() < 0.7:
        tickers = tuple(f"{name}-B{i}" for i in range(6))
        return Event(name, city, tickers, tuple(frozenset({t}) for t in tickers))
    tickers = tuple(f"{name}-T{i}" for i in range(4))
    return Event(name, city, tickers, tuple(frozenset(tickers[:n]) for n in range(5)))


def random_book(dice: random.Random) -> list[Line]:
    """A market has one position, as at the exchange; what else is there is an order under way."""
    events = [random_event(dice, number) for number in range(dice.randint(1, 3))]
    lines = [
        Line(
            event,
            dice.choice(event.tickers),
            dice.choice(tuple(Side)),
            dice.randint(1, 50),
            dice.randint(1, 110),  # a fee may lift a cost above a dollar
            dice.random() < 0.5,
        )
        for event in events
        for _ in range(dice.randint(0, 5))
    ]
    first = {line.ticker: line for line in reversed(lines) if not line.is_pending}
    return [x if x is first.get(x.ticker) else replace(x, is_pending=True) for x in lines]


def brute_force(lines: list[Line]) -> int:
    """Cents that one event can lose: every outcome, every subset of its pending orders filled. What an order
    closes is gone, and what that gained is set against nothing.
    """
    if not lines:
        return 0
    pending = [line for line in lines if line.is_pending]
    worst = 0
    for winners in lines[0].event.outcomes:
        for fills in product((False, True), repeat=len(pending)):
            left = {(x.ticker, x.side): (x.qty, x.cents) for x in lines if not x.is_pending}
            loss = 0
            for line in compress(pending, fills):
                qty, cents = left.get((line.ticker, line.side.other), (0, 0))
                gone = min(line.qty, qty)
                left[line.ticker, line.side.other] = qty - gone, cents
                loss += max(0, gone * (cents + line.cents - 100))
                loss += (line.qty - gone) * (line.cents - _pays(line.ticker, line.side, winners))
            for (ticker, side), (qty, cents) in left.items():
                loss += qty * (cents - _pays(ticker, side, winners))
            worst = max(worst, loss)
    return worst


def _pays(ticker: str, side: Side, winners: frozenset[str]) -> int:
    return 100 if (ticker in winners) is (side is Side.YES) else 0


def by_event(book: list[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in book:
        found.setdefault(line.event.name, []).append(line)
    return found


def _risks(book: list[Line]) -> dict[str, int]:
    return {name: brute_force(lines) for name, lines in by_event(book).items()}


def held(line: Line) -> Holding:
    return Holding(
        ticker=line.ticker,
        event_ticker=line.event.name,
        city_code=line.event.city,
        side=line.side,
        qty=Decimal(line.qty),
        cost_usd=line.cents * CENT,
        is_pending=line.is_pending,
    )


def difference(seed: int) -> str | None:
    """Compare one random book; return what differs, None when nothing does."""
    dice = random.Random(seed)  # noqa: S311 (chance of a test, not of a secret)
    book = random_book(dice)
    outcomes = {line.event.name: line.event.outcomes for line in book}
    losses = LossState(
        equity_usd=Decimal(5000),
        booked_equity_usd=Decimal(5000),
        peak_equity_usd=Decimal(5000),
        day_start_equity_usd=Decimal(5000 + dice.randint(-50, 50)),
        rejects_in_window=0,
    )
    limits = RiskLimits(city=Cap(usd=Decimal(dice.randint(1, 80)), fraction=Decimal(1)))
    caps = Caps(limits, losses, outcomes, tuple(CITIES.values()))
    exposure = caps.over(map(held, book))
    risk = _risks(book)
    city_of = {line.event.name: line.event.city for line in book}
    claims = {"book": (exposure.calculate_open_risk(), sum(risk.values()))}
    for code in set(city_of.values()):
        mine = sum(cents for name, cents in risk.items() if city_of[name] == code)
        claims[code] = (exposure.city_risk(code), mine)
        cluster = CITIES[code].cluster
        theirs = sum(c for name, c in risk.items() if CITIES[city_of[name]].cluster == cluster)
        claims[cluster] = (exposure.cluster_risk(cluster), theirs)
    for name, (engine, brute) in claims.items():
        if engine != brute * CENT:
            return f"seed {seed}: {name}: engine {engine}, brute force {brute * CENT}, book {book}"
    return largest_size_differs(seed, dice, book, caps) if book else None


def largest_size_differs(seed: int, dice: random.Random, book: list[Line], caps: Caps) -> str | None:
    """A further order of the largest size allowed keeps every cap by brute force; one more breaks one."""
    event = dice.choice(book).event
    wish = Line(event, dice.choice(event.tickers), dice.choice(tuple(Side)), 60, dice.randint(1, 99), True)
    trade = Trade(
        wish.ticker, event.name, event.city, wish.side, Decimal(60), wish.cents * CENT, wish.cents * CENT
    )
    allowed, _ = caps.over(map(held, book)).largest_allowed(trade)

    def fits(qty: int) -> bool:
        added = Line(event, wish.ticker, wish.side, qty, wish.cents, True)
        before, after = _risks(book), _risks([*book, added])
        day_loss = caps.losses.day_start_equity_usd - caps.losses.booked_equity_usd
        of_city = {line.event.name for line in book if line.event.city == event.city}
        cluster = CITIES[event.city].cluster
        of_cluster = {x.event.name for x in book if CITIES[x.event.city].cluster == cluster}
        every = set(after)
        checks: list[tuple[Decimal, Decimal, Cap]] = [
            (Decimal(0), qty * wish.cents * CENT, caps.limits.trade),
            (_sum(before, of_city), _sum(after, of_city), caps.limits.city),
            (_sum(before, of_cluster), _sum(after, of_cluster), caps.limits.cluster),
            (_sum(before, every), _sum(after, every), caps.limits.open_risk),
            (day_loss + _sum(before, every), day_loss + _sum(after, every), caps.limits.daily_loss),
        ]
        return not any(now > cap.limit(Decimal(5000)) and now > then for then, now, cap in checks)

    if allowed and not fits(int(allowed)):
        return f"seed {seed}: {allowed} of {trade} was allowed and breaks a cap by brute force"
    if allowed < 60 and fits(int(allowed) + 1):
        return f"seed {seed}: only {allowed} of {trade} was allowed, one more keeps every cap"
    found = caps.over(map(held, book)).checks(trade, allowed)
    return f"seed {seed}: {trade} is over a cap at {allowed}" if any(map(is_over, found)) else None


def _sum(risk: dict[str, int], names: set[str]) -> Decimal:
    return sum(risk.get(name, 0) for name in names) * CENT


def differences(seeds: range) -> list[str]:
    return [found for seed in seeds if (found := difference(seed))]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="the first book's seed")
    asked = parser.parse_args(argv)
    began, done, size = time.monotonic(), 0, 1000
    parts = [
        range(start, min(start + size, asked.seed + asked.books))
        for start in range(asked.seed, asked.seed + asked.books, size)
    ]
    found: list[str] = []
    with ProcessPoolExecutor(cpu_count()) as pool:
        for part, problems in zip(parts, pool.map(differences, parts), strict=True):
            found += problems
            done += len(part)
            sys.stderr.write(f"\r{done:,} of {asked.books:,} books, {len(found)} differences")
    sys.stderr.write("\n")
    for line in found[:10]:
        sys.stdout.write(line + "\n")
    took = time.monotonic() - began
    sys.stdout.write(f"{asked.books:,} random books, {len(found)} differences, {took:.1f} s\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
