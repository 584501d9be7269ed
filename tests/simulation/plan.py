"""One seed, one episode: where, when, which faults, what the operator does, where processes die."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from tests.simulation.witness import Outage
from trader.domain.types import TradingMode
from trader.simulator.faults import Fault, FaultKind

K = FaultKind
AROUND = {
    "D1": "the connection is lost before a commit, after it, or while reading",
    "D3": "the disk is full: every write fails, reads do not",
    "D4": "the database restarts: the session ends and with it the writer lock",
    "D5": "a statement takes a second longer",
    "D6": "an older backup is restored: intents and fills are forgotten",
    "P1": "kill -9 at a point: around a request, around a call of the books, before or after a commit",
    "P2": "a second trader starts; or the first one is stopped beyond its session's life and goes on",
    "P3": "the trader's clock jumps an hour ahead or back",
    "P5": "a cycle is missed, or run again in its slot by a new process",
    "P8": "caps are lowered below what is held",
}
"""Faults around the trader: of the database and of the process, with what the simulation makes of them."""
INTERVAL = timedelta(minutes=5)
MAX_CYCLES = 24
CITIES = ("NYC", "CHI", "LAX", "MIA", "AUS", "DEN", "PHL", "BOS", "SEA", "SFO")
ORDINARY, SPECIAL = (
    (date(2026, 7, 16), date(2026, 8, 20), date(2026, 12, 10), date(2026, 2, 5), date(2026, 10, 8)),
    (
        date(2026, 3, 8),  # summer time begins
        date(2026, 11, 1),  # summer time ends
        date(2026, 2, 28),
        date(2028, 2, 29),
        date(2026, 12, 31),
        date(2026, 7, 31),
        date(2026, 10, 15),  # a Thursday with its pause
    ),
)

CALLS = (
    K.TIMEOUT_BEFORE_ACCEPT, K.TIMEOUT_AFTER_ACCEPT, K.HTTP_500, K.HTTP_503, K.HTTP_500_AFTER_ACCEPT,
    K.HTTP_429, K.HTML_BODY, K.EMPTY_OBJECT, K.DROP_CONNECTION, K.DROP_AFTER_ACCEPT, K.CUT_BODY, K.TRICKLE,
)  # fmt: skip
"""What may happen to any call of the exchange."""
LISTS = (K.ROWS_DROPPED, K.ROWS_DOUBLED, K.ROWS_SHUFFLED, K.CURSOR_REPEATED)
FORMS = (K.UNKNOWN_WORD, K.FIELD_DROPPED, K.FIELD_RENAMED, K.NUMBER_FOR_STRING, K.SUB_CENT_PRICE)
SKIES = (
    K.GRID_EXPIRED, K.STATION_GONE, K.NULL_VALUES, K.NO_ROWS, K.WRONG_UNIT, K.ABSURD_VALUE, K.FUTURE_TIME,
    K.ZONE_MISSING, K.HUGE_BODY, K.GZIP_BOMB, K.REDIRECT, K.HTTP_500, K.TIMEOUT_BEFORE_ACCEPT,
)  # fmt: skip
MARKETS = (K.LATE_SETTLEMENT, K.DISPUTE, K.REVISED_SETTLEMENT, K.FAIR_PRICE, K.EARLY_CLOSE)
READS = ("read_orders", "read_fills", "read_positions", "read_balance", "read_settlements", "read_*")


@dataclass(frozen=True)
class Plan:
    """Everything an episode is made of. ``events`` of process and operator go by number of the cycle."""

    seed: int
    day: date
    codes: tuple[str, ...]
    mode: TradingMode
    begins: datetime
    noisy: int
    quiet: int
    to_settlement: bool
    env: dict[str, str]
    faults: tuple[Fault, ...]
    outages: tuple[Outage, ...]
    events: dict[int, tuple[str, ...]]
    kills: tuple[int, ...]
    pauses: tuple[int, ...]
    latency_s: tuple[float, float]
    rests: bool
    """Whether orders are placed that rest."""
    page_rows: int | None = None
    """The most rows of a page of the account's lists, whatever is asked for; None gives what is asked for."""
    pause_s: float = 45.0
    """How long a stopped process sleeps."""
    pauses_at_sends: bool = False
    """Whether a pause waits for the next request that places or cancels an order."""

    @property
    def quiet_from(self) -> datetime:
        return self.begins + self.noisy * INTERVAL

    @property
    def days(self) -> float:
        """Simulated days this episode spans."""
        return 1.5 if self.to_settlement else (self.noisy + self.quiet) * INTERVAL / timedelta(days=1)


def plan(seed: int) -> Plan:
    """Draw an episode. A swarm: each seed turns a random few of all faults on, at random rates."""
    later = Random(f"later {seed}")  # what came later does not change what older seeds drew
    random = Random(f"episode {seed}")
    day = random.choice(SPECIAL if random.random() < 0.35 else ORDINARY)
    codes = tuple(sorted(random.sample(CITIES, random.choice((1, 1, 1, 2, 2, 3)))))
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    begins = noon + timedelta(minutes=5 * random.randint(-250, 110))
    noisy = random.randint(3, 9 if len(codes) > 1 else 12)
    quiet = 4
    to_settlement = random.random() < 0.3
    mode = TradingMode.SHADOW if random.random() < 0.04 else TradingMode.DEMO
    end = begins + noisy * INTERVAL
    env = {
        "TRADING_MODE": mode.value,
        "ORDER_POLICY": random.choice(("take", "rest")),
        "MAX_TRADE_CONTRACTS": str(random.choice((40, 40, 200))),
    }
    if random.random() < 0.3:
        env |= {"MAX_CITY_EXPOSURE_USD": "20", "MAX_TRADE_RISK_USD": "12"}
    found = Plan(
        seed=seed,
        day=day,
        codes=codes,
        mode=mode,
        begins=begins,
        noisy=noisy,
        quiet=quiet,
        to_settlement=to_settlement,
        env=env,
        faults=tuple(_faults(random, begins, end, to_settlement)),
        outages=tuple(_outages(random, begins, end)),
        events=_events(random, noisy),
        kills=tuple(
            sorted(random.randrange(1, 110 * noisy) for _ in range(random.choice((0, 0, 1, 1, 2, 3))))
        ),
        pauses=(random.randrange(1, 110 * noisy),) if random.random() < 0.12 else (),
        latency_s=random.choice(((0.005, 0.06), (0.02, 0.3), (0.005, 2.0))),
        rests=mode is TradingMode.DEMO and random.random() < 0.6,
        page_rows=later.choice((None, None, None, 2, 5)),
        pause_s=later.choice((3.0, 8.0, 45.0)),
    )
    if found.pauses and later.random() < 0.6:  # it waits for a send: early enough, one comes
        return replace(found, pauses=(later.randrange(1, 40 * noisy),), pauses_at_sends=True)
    return found


def _window(random: Random, begins: datetime, end: datetime) -> tuple[datetime, datetime]:
    span = (end - begins).total_seconds()
    start = begins + timedelta(seconds=span * random.random() * 0.7)
    return start, min(end, start + timedelta(seconds=span * random.uniform(0.1, 1.0)))


def _faults(random: Random, begins: datetime, end: datetime, to_settlement: bool) -> list[Fault]:
    found: list[Fault] = []

    def add(kind: FaultKind, on: str, rate: float = 1.0, value: float = 0.0) -> None:
        start, stop = _window(random, begins, end)
        found.append(Fault(on, 0, kind, rate, start, stop, value))

    for kind in random.sample(CALLS, random.choice((0, 1, 2, 3, 4))):
        add(
            kind, random.choice(("create", "create", "cancel", *READS, "*")), random.choice((0.03, 0.15, 0.5))
        )
    for kind in random.sample(LISTS, random.choice((0, 0, 1, 2))):
        add(kind, random.choice(READS), random.choice((0.1, 0.4)))
    for kind in random.sample(FORMS, random.choice((0, 0, 1, 2))):
        where = random.choice(("read_*", "create", "cancel", "read_markets", "read_books"))
        add(kind, where, random.choice((0.02, 0.1, 0.4)))
    for kind in random.sample(SKIES, random.choice((0, 0, 1, 2))):
        add(kind, random.choice(("weather_*", "weather_observations", "weather_ensemble")), 0.5)
    for kind, chance, value in (
        (K.READ_LAG, 0.2, random.choice((0.5, 2.0, 8.0))),
        (K.ORDER_HIDDEN, 0.1, random.choice((1.0, 6.0))),
        (K.IDS_REUSABLE, 0.3, 0),
        (K.DRIP_FILLS, 0.5, random.choice((5.0, 60.0, 200.0))),
        (K.LATE_FILL, 0.3, random.choice((0.5, 20.0, 200.0))),
        (K.CANCEL_TOO_LATE, 0.2, 0),
        (K.STALE_COPY, 0.08, random.choice((2.0, 25.0))),
        (K.FROZEN_VALUE, 0.08, 0),
        (K.TWO_EDGES, 0.08, random.choice((1.0, 13.0))),
        (K.UNREACHABLE, 0.1, 0),
        (K.CLOCK_OFFSET, 0.1, random.choice((-3600.0, -12.0, -4.0, 7.0, 20.0, 3600.0))),
        (K.TRADING_PAUSE, 0.1, 0),
        (K.EXCHANGE_PAUSE, 0.08, 0),
        (K.MARKET_PAUSE, 0.1, 0),
        (K.FOREIGN_ORDER, 0.1, 0),
        (K.DEPOSIT, 0.05, 250.0),
        (K.WITHDRAWAL, 0.05, 120.0),
        (K.CASH_MISSING, 0.03, 17.5),
    ):
        if random.random() < chance:
            rate = random.choice((0.3, 1.0)) if kind not in (K.FOREIGN_ORDER, K.UNREACHABLE) else 1.0
            add(kind, "*", rate, value)
    if to_settlement:
        for kind in random.sample(MARKETS, random.choice((0, 1, 2))):
            value = {K.FAIR_PRICE: 35.0, K.LATE_SETTLEMENT: 2.0, K.EARLY_CLOSE: 3.0}.get(kind, 1.0)
            found.append(Fault("*", 0, kind, 0.5, value=value))
    return found


def _outages(random: Random, begins: datetime, end: datetime) -> list[Outage]:
    found = []
    for names, chance in (
        (("D1_before",), 0.12),
        (("D1_after",), 0.12),
        (("D1_read",), 0.08),
        (("D3_full",), 0.08),
        (("D4_restart",), 0.05),
        (("D5_slow",), 0.08),
    ):
        if random.random() < chance:
            rate = 1.0 if names == ("D3_full",) else random.choice((0.005, 0.03, 0.2))
            found.append(Outage(*_window(random, begins, end), dict.fromkeys(names, rate)))
    return found


def _events(random: Random, noisy: int) -> dict[int, tuple[str, ...]]:
    """Between cycles: what operator, scheduler and machine do."""
    found: dict[int, list[str]] = {}

    def at(chance: float, *words: str) -> None:
        if random.random() < chance:
            cycle = random.randrange(1, noisy)
            for place, word in enumerate(words):
                found.setdefault(min(noisy, cycle + 2 * place), []).append(word)

    at(0.08, "halt", "resume")
    at(0.06, "reduce_only", "resume")
    at(0.06, "halt_file", "remove_file")
    at(0.05, "flatten", "resume")
    at(0.10, "restart")
    at(0.06, "second")
    at(0.06, "restore")
    at(0.06, "clock_forward", "clock_back")
    at(0.06, "clock_back", "clock_forward")
    at(0.08, "twice")
    at(0.08, "miss")
    at(0.05, "lower_caps")
    return {cycle: tuple(words) for cycle, words in found.items()}
