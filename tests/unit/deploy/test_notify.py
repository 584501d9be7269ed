"""The datagrams to the service manager, heard on real sockets."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trader.app.notify import Notifier


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A socket's path must fit into 107 bytes, which a test's own folder may not."""
    with tempfile.TemporaryDirectory(prefix="mb") as folder:
        yield Path(folder)


def listen(address: str) -> socket.socket:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind("\0" + address[1:] if address.startswith("@") else address)
    manager.settimeout(2)
    return manager


@pytest.mark.story("8.1")
def test_each_word_arrives_as_one_datagram_with_its_status_on_one_line(short_folder: Path) -> None:
    address = str(short_folder / "notify")
    notifier = Notifier.from_env({"NOTIFY_SOCKET": address})

    with listen(address) as manager:
        sent = [notifier.ready("mode SHADOW\nREADY=0"), notifier.watchdog("cycle 7"), notifier.stopping()]
        heard = [manager.recv(4096) for _ in range(3)]

    assert sent == [True, True, True]
    assert heard == [b"READY=1\nSTATUS=mode SHADOW READY=0", b"WATCHDOG=1\nSTATUS=cycle 7", b"STOPPING=1"]


def test_a_name_in_the_abstract_space_is_reached() -> None:
    address = "@milkbot-test-notify"

    with listen(address) as manager:
        sent = Notifier(address).watchdog()
        heard = manager.recv(64)

    assert (sent, heard) == (True, b"WATCHDOG=1")


@pytest.mark.parametrize("env", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_a_manager_nothing_is_sent_and_nothing_fails(env: dict[str, str]) -> None:
    assert Notifier.from_env(env).ready() is False


def test_a_manager_that_is_gone_does_not_stop_the_trader(short_folder: Path) -> None:
    assert Notifier(str(short_folder / "gone")).watchdog() is False


def test_a_manager_that_does_not_read_holds_a_cycle_up_for_a_second_at_most(short_folder: Path) -> None:
    address = str(short_folder / "deaf")

    with listen(address):
        results: list[bool] = []
        while all(results) and len(results) < 10_000:  # until the queue is full
            results.append(Notifier(address).watchdog())

    assert results[0] is True
    assert results[-1] is False
