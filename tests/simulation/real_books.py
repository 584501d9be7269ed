"""The books of an episode on a real Postgres, behind a proxy that cuts (tier B)."""

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.simulation.proxy import Cut, Proxy
from tests.simulation.witness import WRITES, Process, Witness, WitnessedStore, facts_of
from trader.adapters.ops.orders import _ORDERS
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_models
from trader.adapters.ops.store import PostgresOpsStore
from trader.adapters.ops.writer import KEY
from trader.app import postgres
from trader.app.postgres.binaries import install_root
from trader.app.postgres.databases import superuser_url
from trader.domain.errors import PersistenceError
from trader.domain.orders import Order
from trader.ports.ops_store import OpsStore

_CUT_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = %s and application_name like 'milkbot%%'"
)
_IS_LOCKED = (
    "select exists (select 1 from pg_locks as l inner join pg_database as d on d.oid = l.database"
    " where l.locktype = 'advisory' and d.datname = %s and l.objid = %s)"
)


class PostgresShelf:
    """Books in a database of their own. ``books`` go to it directly, a process's through the proxy."""

    def __init__(self, server: postgres.Server, template: str) -> None:
        self._server, self._template, self._number = server, template, 0
        self.proxy = Proxy(server.host, server.port)
        self._backup: Path | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="milkbot-backup-")
        self._open(template)
        self._connect()

    def _open(self, template: str | None) -> None:
        self._number += 1
        self._name = f"episode_{self.proxy.port}_{self._number}"
        urls = postgres.create_database(self._server, self._name, is_test=True, template=template)
        self._url = urls.trader
        self._database = Database(urls.trader, max_size=1, application_name="judge")

    def _connect(self) -> None:
        self._database.open()
        self._books = PostgresOpsStore(self._database, lock_url=self._url)

    @property
    def books(self) -> OpsStore:
        return self._books

    @property
    def hidden(self) -> tuple[str, ...]:
        """Words of this run alone: an episode's log does not hold them, so that it repeats."""
        return (f"127.0.0.1:{self.proxy.port}/{self._name}",)

    def open(self, witness: Witness, process: Process) -> WitnessedStore:
        parts = urlsplit(self._url)
        place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.proxy.port}"
        url = urlunsplit(parts._replace(netloc=place, query="sslmode=disable&gssencmode=disable"))
        return CutStore(witness, Session(url, self._cut_sessions), process, self.proxy)

    def end(self, store: WitnessedStore) -> None:
        store.inner.end()

    def order(self, client_order_id: str) -> Order | None:
        return next((o for o in self.orders() if o.client_order_id == client_order_id), None)

    def orders(self) -> Iterable[Order]:
        with self._database.connection() as connection:
            return fetch_models(connection, Order, f"{_ORDERS} order by order_id", {})

    def is_locked(self) -> bool:
        with psycopg.connect(self._server.superuser_url, autocommit=True) as connection:
            row = connection.execute(_IS_LOCKED, (self._name, KEY)).fetchone()
        return bool(row and row[0])

    def _cut_sessions(self) -> None:
        """The database restarts, as its clients see it."""
        with psycopg.connect(self._server.superuser_url, autocommit=True) as connection:
            connection.execute(_CUT_SESSIONS, (self._name,))

    def back_up(self) -> None:
        self._backup = Path(self._folder.name) / "dump"
        self._run(
            "pg_dump", "--format=custom", f"--file={self._backup}", superuser_url(self._server, self._name)
        )

    def restore(self) -> None:
        if self._backup is None:
            raise ValueError("restore: expected a backup, found none; the books stay as they are")
        before = self._name
        self._database.close()
        self._open(None)
        url = superuser_url(self._server, self._name)
        self._run("pg_restore", "--exit-on-error", f"--dbname={url}", str(self._backup))
        postgres.drop_database(self._server, before)
        self._backup = None
        self._connect()

    def _run(self, program: str, *options: str) -> None:
        command = [str(install_root() / "bin" / program), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: expected it to succeed, found {done.stderr[-400:]}")

    def close(self) -> None:
        self._database.close()
        self.proxy.close()
        postgres.drop_database(self._server, self._name)
        self._folder.cleanup()


class Session(PostgresOpsStore):
    """One process's pool and lock. ``close`` ends the lock's session, as for every store; ``end`` all."""

    def __init__(self, url: str, cut_all: Callable[[], None]) -> None:
        self.database = Database(url, max_size=2, timeout_s=10)
        self.database.open()
        super().__init__(self.database, lock_url=url)
        self.cut_all = cut_all

    def fail_writes(self, why: str) -> None:
        """Latch as after a write that was not confirmed: the disk that is full has no proxy."""
        self.database.unconfirmed = why

    def end(self) -> None:
        self.close()
        self.database.close()


class CutStore(WitnessedStore):
    """The books of one process on a database whose connections are cut for real.

    What the memory tier raises by itself is here a cut of the proxy: the trader sees what its driver makes
    of it. A full disk is the one fault still raised at the call; docs/simulation.md says where it is real.
    """

    def __init__(self, witness: Witness, inner: Session, process: Process, proxy: Proxy) -> None:
        super().__init__(witness, inner, process)
        self._proxy = proxy

    @contextmanager
    def transaction(self, *, is_exclusive: bool = False) -> Iterator[None]:
        witness, process = self._witness, self._process
        witness.points.at("before transaction")
        self._plan_cut(Cut.STATEMENT, "D1_before")
        process.in_transaction = True
        try:
            with self.inner.transaction(is_exclusive=is_exclusive):
                yield
                witness.points.at("before commit")
                self._fail("D3_full", "commit")
                if not self._plan_cut(Cut.BEFORE_COMMIT, "D1_before"):
                    self._plan_after()
        except BaseException as error:
            if self._proxy.disarm() is Cut.AFTER_COMMIT:
                process.settle()  # it is committed, whatever the process was told
            process.effects.clear()
            if isinstance(error, PersistenceError):
                self._note_lost("transaction", error)
            raise
        finally:
            self._proxy.disarm()
            process.in_transaction = False
        process.settle()
        witness.log.note(process.number, "commit")
        witness.points.at("after commit")

    def _plan_cut(self, cut: Cut, kind: str) -> bool:
        if not self._witness.strikes(kind):
            return False
        self._proxy.arm(cut)
        return True

    def _plan_after(self) -> bool:
        """The commit arrives; its answer is lost, or is the last that is heard."""
        return self._plan_cut(random_of(self._witness, Cut.AFTER_COMMIT, Cut.AFTER_ANSWER), "D1_after")

    def _before(self, name: str, is_write: bool) -> None:
        witness, is_alone = self._witness, not self._process.in_transaction
        if is_write and is_alone:
            witness.points.at(f"before {name}")
        if witness.strikes("D5_slow"):
            witness.clock.sleep(1.0)
        if witness.strikes("D4_restart"):
            self.inner.cut_all()
        if is_write:
            self._fail("D3_full", name)
        if is_write and is_alone:
            if not self._plan_cut(random_of(witness, Cut.BEFORE_COMMIT, Cut.STATEMENT), "D1_before"):
                self._plan_after()
        else:
            self._plan_cut(Cut.STATEMENT, "D1_before" if is_write else "D1_read")

    def _note_lost(self, name: str, error: PersistenceError) -> None:
        self._process.failed_write = name
        self._witness.log.note(self._process.number, name, "lost", error)

    def seen(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        if name in ("assert_may_create", "assert_writer", "close"):
            return super().seen(name, method)
        is_write = WRITES.fullmatch(name.rpartition(".")[2]) is not None

        def call(*args: Any, **keywords: Any) -> Any:
            witness, process = self._witness, self._process
            is_alone = not process.in_transaction
            self._before(name, is_write)
            try:
                result = method(*args, **keywords)
            except PersistenceError as error:
                if self._proxy.disarm() is Cut.AFTER_COMMIT and name in _KNOWN_BY_ARGUMENTS:
                    witness.on_call(process, name, args, keywords, None)
                self._note_lost(name, error)
                raise
            finally:
                self._proxy.disarm()
            if is_write:
                witness.log.note(process.number, name, facts_of(name, args, keywords, result))
            witness.on_call(process, name, args, keywords, result)
            if is_write and is_alone:
                witness.points.at(f"after {name}")
            return result

        return call


def random_of(witness: Witness, *cuts: Cut) -> Cut:
    """One of these, by the episode's own chance."""
    return witness.random.choice(cuts)


_KNOWN_BY_ARGUMENTS = frozenset({"risk.save_state", "mark_reconciled", "cycles.begin"})
"""Writes whose effect the checks know from the arguments alone, when the answer was lost after the commit."""
