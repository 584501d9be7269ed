"""The watch's own composition root: a process of its own, with a database role that reads."""

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from trader.adapters.alerts.channels import AppriseChannels
from trader.adapters.alerts.inboxes import inboxes_of
from trader.adapters.alerts.probes import MachineProbes
from trader.adapters.http import HttpClient
from trader.adapters.ops.pool import Database
from trader.adapters.ops.store import PostgresOpsStore
from trader.adapters.ops.watch import WatchRepository
from trader.app.clock import SystemClock
from trader.app.config import Settings, load_settings
from trader.app.halt import HaltFile, with_file
from trader.app.logs import logger
from trader.app.notify import Notifier
from trader.app.status import status_lines
from trader.app.watch.memory import MemoryFile
from trader.app.watch.run import ROUND_S, Books, Watch, acknowledge
from trader.app.wiring import data_dir_of, settings_and_urls
from trader.domain.alerts import Evening, Facts, Message
from trader.domain.types import Severity, TradingMode
from trader.ports.clock import Clock


def memory_of(env: Mapping[str, str]) -> MemoryFile:
    return MemoryFile(data_dir_of(env) / "watch.json")


def send_test(env: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Send one harmless message through every channel."""
    message = Message(severity=Severity.INFO, title="Milkbot, test", body="Alerts reach you here.")
    return AppriseChannels(_urls(load_settings(env))).send(message)


def acknowledge_all(env: Mapping[str, str], *, by: str) -> str:
    with memory_of(env).open() as memory:
        return acknowledge(memory, by)


def open_alerts(env: Mapping[str, str]) -> list[str]:
    """One line for each alert that was told and is not over."""
    with memory_of(env).open() as memory:
        return [
            f"{a.code} since {a.since:%Y-%m-%d %H:%M UTC}: {a.text}"
            + (f" (acknowledged by {a.acknowledged_by})" if a.acknowledged_by else "")
            for a in memory.alerts.values()
            if a.told_at is not None
        ]


@contextmanager
def open_watch(env: Mapping[str, str]) -> Iterator[Watch]:
    """The watch on the environment's database and channels. The database need not be there yet."""
    settings, urls = settings_and_urls(env, need=("watch",))
    clock = SystemClock()
    with ExitStack() as stack:
        http = stack.enter_context(HttpClient(clock=clock, timeout_s=settings.http_timeout_s, attempts=1))
        addresses = _urls(settings)
        page = settings.page_port
        services = {
            "trader": f"http://127.0.0.1:{settings.health_port}/health",
            "page": f"http://127.0.0.1:{page}/_stcore/health",
            "page-2": f"http://127.0.0.1:{page + 1}/_stcore/health",
            "api": f"http://127.0.0.1:{settings.api_port}/openapi.json",
            "rollup": f"http://127.0.0.1:{settings.api_port}/v1/health/analytics",
        }
        yield Watch(
            books=_books(urls.watch, settings, clock),
            probes=MachineProbes(
                http,
                clock,
                urls=services,
                domain=settings.domain,
                stamps=settings.stamp_dir,
                ping_url=settings.ping_url.get_secret_value() if settings.ping_url else None,
                https_port=settings.https_port,
            ),
            channels=AppriseChannels(addresses),
            inboxes=inboxes_of(addresses, http, clock),
            halt_file=HaltFile(settings.halt_file),
            memory=memory_of(env),
            clock=clock,
            log=logger(),
            pin=settings.phone_pin.get_secret_value() if settings.phone_pin else None,
            evening_hour_et=settings.evening_hour_et,
        )


def run_watch(env: Mapping[str, str]) -> int:
    """Go round until stopped; return the exit code."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    notifier = Notifier.from_env(env)
    with open_watch(env) as watch:
        notifier.ready("watching")
        while not stop.is_set():
            watch.round()
            notifier.watchdog("looked")
            stop.wait(ROUND_S)
        notifier.stopping()
    return 0


def _urls(settings: Settings) -> list[str]:
    return settings.alert_urls.get_secret_value().split() if settings.alert_urls else []


def _books(url: str, settings: Settings, clock: Clock) -> Books:
    """Each question opens the database anew: it may be down for hours and back in between."""

    @contextmanager
    def opened() -> Iterator[tuple[WatchRepository, PostgresOpsStore]]:
        with Database(url, max_size=1, timeout_s=5, application_name="milkbot watch") as database:
            store = PostgresOpsStore(database, lock_url=url)
            try:
                yield WatchRepository(database), store
            finally:
                store.close()

    halt_file = HaltFile(settings.halt_file)

    def look() -> Facts:
        with opened() as (rows, store):
            now, mode = rows.world_now() or clock.now(), rows.mode()
            stored = tuple(store.risk.states(mode, now)) if mode else ()
            return Facts(
                now=now,
                mode=mode,
                states=with_file(stored, halt_file, clock),
                critical_events=rows.critical_events(now),
                unknown_orders=rows.unknown_orders(now),
            )

    def evening() -> Evening | None:
        with opened() as (rows, _):
            mode = rows.mode()
            return rows.evening(mode, rows.world_now() or clock.now()) if mode else None

    def status() -> Sequence[str]:
        with opened() as (rows, store):
            mode = rows.mode() or TradingMode.SHADOW
            lines, _ = status_lines(store, settings.model_copy(update={"mode": mode}))
            return lines

    return Books(look, evening, status)
