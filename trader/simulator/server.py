"""Run the simulator on a real loopback socket, in the foreground or in a thread."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from trader.domain.errors import ConfigurationError
from trader.simulator.app import TRANSPORTS, Simulator
from trader.simulator.clock import WorldClock
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Faults, load_faults
from trader.simulator.signatures import PublicKey, load_public_key, make_key
from trader.simulator.world import World

GENERATED_KEY_ID = "00000000-0000-4000-8000-000000000001"
DEFAULT_KEY_DIR = Path(".milkbot/sim")
DEFAULT_CASH = Decimal("5000.00")
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ready:
    """What a client needs; written as JSON to the ready file. ``key_file`` is empty when keys were given."""

    port: int
    pid: int
    key_id: str
    key_file: str


def _ends(transport: asyncio.Transport) -> tuple[str, int, int]:
    """Name a connection by the peer's address and our port."""
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    return str(peer[0]), int(peer[1]), int(own[1])


class _Protocol(H11Protocol):
    """Keeps each connection's transport, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        super().connection_made(transport)
        TRANSPORTS[_ends(transport)] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            TRANSPORTS.pop(_ends(self.transport), None)
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    """Stops cleanly, exit code 0, on SIGTERM and SIGINT; uvicorn itself would raise them again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _assemble(
    world: str | World,
    speed: float,
    faults: Path | Faults | None,
    log: Path | None,
    keys: Mapping[str, Path] | None,
    seed: int,
    cash: Decimal,
    key_dir: Path,
) -> tuple[Simulator, str, str]:
    """Return the application with the key id and private key file a client uses."""
    recorded = world if isinstance(world, World) else World.load(world)
    loaded: dict[str, PublicKey] = {key_id: load_public_key(path) for key_id, path in (keys or {}).items()}
    key_id, key_file = next(iter(loaded), GENERATED_KEY_ID), ""
    if not loaded:
        path = (key_dir / "simulator_ed25519.pem").resolve()
        loaded[key_id], key_file = make_key(path), str(path)
    clock = WorldClock(recorded.start, recorded.end, speed, time.monotonic)
    if not isinstance(faults, Faults):
        faults = Faults(load_faults(faults) if faults else (), seed)
    exchange = Exchange(recorded, clock, cash, seed, faults)
    # budgets are kept in the world's seconds, like all its time;
    # a stepped world stands still within a cycle: its requests would never be let through again
    elapsed = None if clock.frozen else lambda: time.monotonic() * speed
    return Simulator(exchange, loaded, log, elapsed), key_id, key_file


def listen(port: int) -> socket.socket:
    """Bind a loopback socket; port 0 takes a free one. Raises ConfigurationError for one that is taken."""
    # asyncio switches Nagle off only where the protocol is named; without it each answer waits 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"port: expected a free port, found {port}: {error.strerror}; not started"
        ) from error
    return listener


def _server(app: Simulator) -> _Server:
    settings: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "date_header": False,
        "server_header": False,
    }
    return _Server(uvicorn.Config(app, http=_Protocol, ws="none", timeout_graceful_shutdown=1, **settings))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _watch(parent: int, server: uvicorn.Server) -> None:
    """Stop the server when the parent is gone; a server nobody can stop would keep its port for ever."""
    is_own = os.getppid() == parent
    while not server.should_exit:
        if (is_own and os.getppid() != parent) or not _is_alive(parent):
            server.should_exit = True
        time.sleep(0.5)


def serve(
    port: int = 0,
    world: str = "july2026",
    speed: float = 0.0,
    faults: Path | None = None,
    log: Path | None = None,
    keys: Mapping[str, Path] | None = None,
    ready_file: Path | None = None,
    seed: int = 0,
    cash: Decimal = DEFAULT_CASH,
    key_dir: Path = DEFAULT_KEY_DIR,
    parent: int | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or the end of process ``parent``. Port 0 takes a free one.

    ``keys`` maps key ids to PEM public key files; without any, a pair is made in ``key_dir`` (mode 0600).
    ``ready_file`` receives port, pid, key id and key file once the socket listens. ``cash`` is dollars.
    Raises ConfigurationError before anything is served.
    """
    app, key_id, key_file = _assemble(world, speed, faults, log, keys, seed, cash, key_dir)
    with contextlib.closing(listen(port)) as listener:
        listener.listen(128)
        server = _server(app)
        if parent is not None:
            threading.Thread(target=_watch, args=(parent, server), daemon=True).start()
        if ready_file is not None:
            ready = Ready(listener.getsockname()[1], os.getpid(), key_id, key_file)
            partial = ready_file.with_suffix(".partial")
            partial.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(asdict(ready)) + "\n", encoding="utf-8")
            partial.replace(ready_file)
        server.run(sockets=[listener])


def serve_on(listener: socket.socket, app: Simulator) -> None:
    """Serve an assembled simulator on a socket that listens, until SIGTERM or SIGINT."""
    _server(app).run(sockets=[listener])


@contextlib.contextmanager
def running(
    key_dir: Path,
    *,
    world: str | World = "july2026",
    speed: float = 0.0,
    faults: Path | Faults | None = None,
    log: Path | None = None,
    keys: Mapping[str, Path] | None = None,
    seed: int = 0,
    cash: Decimal = DEFAULT_CASH,
) -> Iterator[Ready]:
    """Serve in a thread of this process for the length of a ``with`` block, on a free port.

    ``faults`` may be a plan that the caller keeps and changes while the block runs.
    """
    app, key_id, key_file = _assemble(world, speed, faults, log, keys, seed, cash, key_dir)
    with contextlib.closing(listen(0)) as listener:
        listener.listen(128)
        server = _server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Ready(listener.getsockname()[1], os.getpid(), key_id, key_file)
        finally:
            server.should_exit = True
            thread.join(timeout=5)
