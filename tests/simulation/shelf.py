"""Where an episode's books stand: in memory (tier A). ``real_books`` has the one on Postgres (tier B)."""

import copy
import gc
import threading
from collections.abc import Iterable
from typing import Any, Protocol

from tests.simulation.witness import Process, Witness, WitnessedStore
from trader.adapters.memory.store import MemoryOpsStore
from trader.domain.orders import Order
from trader.domain.types import Frozen
from trader.ports.ops_store import OpsStore


class Shelf(Protocol):
    """Books that outlive the processes. ``books`` are those a person beside the trader reads and writes."""

    @property
    def books(self) -> OpsStore: ...

    def open(self, witness: Witness, process: Process) -> WitnessedStore:
        """Open the books for a new process."""

    def end(self, store: WitnessedStore) -> None:
        """The process is dead: nothing of its sessions remains."""

    def order(self, client_order_id: str) -> Order | None: ...

    def orders(self) -> Iterable[Order]:
        """All orders of the books."""

    def is_locked(self) -> bool:
        """Whether somebody holds the writer lock."""

    def back_up(self) -> None: ...

    def restore(self) -> None:
        """Put the backup in the books' place, with no session open. Raises ValueError when there is none."""

    def close(self) -> None: ...


class MemoryShelf:
    """Books in memory."""

    def __init__(self) -> None:
        self._books = MemoryOpsStore()
        self._backup: MemoryOpsStore | None = None

    @property
    def books(self) -> OpsStore:
        return self._books

    def open(self, witness: Witness, process: Process) -> WitnessedStore:
        self._books._epochs.unconfirmed = None  # what a process could not confirm dies with it
        return WitnessedStore(witness, MemoryOpsStore(same_books_as=self._books), process)

    def end(self, store: WitnessedStore) -> None:
        store.inner.close()

    def order(self, client_order_id: str) -> Order | None:
        orders: Any = self._books.orders
        found: Order | None = orders._orders.get(orders._by_client_id.get(client_order_id, 0))
        return found

    def orders(self) -> Iterable[Order]:
        found: Any = self._books.orders
        return list(found._orders.values())

    def is_locked(self) -> bool:
        return self._books._epochs.holder is not None

    def back_up(self) -> None:
        """Copy everything as it is now. Rows are immutable, so they are shared."""
        rows = {id(row): row for row in gc.get_objects() if isinstance(row, Frozen)}
        self._backup = copy.deepcopy(self._books, {**rows, id(self._books._journal._lock): threading.RLock()})

    def restore(self) -> None:
        if self._backup is None:
            raise ValueError("restore: expected a backup, found none; the books stay as they are")
        self._books, self._backup = self._backup, None
        self._books._epochs.holder = None

    def close(self) -> None:
        """Memory is freed by itself."""
