"""What the watch sees of services, certificate, backups and disks, on real sockets and files."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Reply, reply, serving
from trader.adapters.alerts.probes import MachineProbes
from trader.adapters.http import HttpClient
from trader.app.clock import SystemClock
from trader.ports.clock import Clock


@contextmanager
def probing(
    urls: Mapping[str, str] = {},
    *,
    domain: str | None = None,
    stamps: Path | None = None,
    ping_url: str | None = None,
    https_port: int = 443,
    clock: Clock | None = None,
) -> Iterator[MachineProbes]:
    clock = clock or FakeClock()
    with HttpClient(clock=clock, timeout_s=2, attempts=1) as http:
        yield MachineProbes(
            http, clock, urls=urls, domain=domain, stamps=stamps, ping_url=ping_url, https_port=https_port
        )


@pytest.mark.story("8.6")
def test_service_is_well_at_200_and_its_own_words_are_kept_otherwise() -> None:
    script = {"/ok": reply({"status": "ok"}), "/bad": reply({"status": "down", "why": "no cycle"}, 503)}
    with serving(lambda asked: script[asked.path]) as server:
        urls = {"trader": f"{server.origin}/bad", "api": f"{server.origin}/ok", "page": "http://127.0.0.1:9/"}
        with probing(urls) as probes:
            found = {p.name: (p.is_ok, p.detail) for p in probes.services()}

    assert found["api"] == (True, "answers")
    assert found["trader"] == (False, 'status 503: {"status": "down", "why": "no cycle"}')
    assert found["page"][0] is False
    assert "expected an answer" in found["page"][1]


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[int]:
    """Handshakes with a certificate that ends in 9 days, until the test ends."""
    name = tmp_path / "cert"
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=milkbot.example"
    )
    command = ["openssl", *words.split(), "-keyout", f"{name}.key", "-out", f"{name}.pem"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{name}.pem", f"{name}.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                    context.wrap_socket(plain, server_side=True).close()
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.story("8.6")
def test_proxy_is_well_when_it_shakes_hands_and_its_certificate_is_read(tls_server: int) -> None:
    with probing(domain="milkbot.example", https_port=tls_server, clock=SystemClock()) as probes:
        (proxy,) = probes.services()
        days = probes.certificate_days()

    assert proxy.is_ok
    assert days is not None
    assert 8 < days <= 9


def test_proxy_that_is_away_is_told_and_its_certificate_unknown() -> None:
    with probing(domain="milkbot.example", https_port=9) as probes:
        (proxy,) = probes.services()
        days = probes.certificate_days()

    assert (proxy.is_ok, days) == (False, None)


@pytest.mark.story("8.4")
def test_backups_age_is_read_from_the_stamps_and_a_missing_one_is_no_backup(tmp_path: Path) -> None:
    now = FakeClock().now().timestamp()
    with probing(stamps=tmp_path) as probes:
        never = probes.backup_age_h()
        (tmp_path / "stores").write_text("local\nremote\n")
        (tmp_path / "last_good.local").write_text(f"{now - 7200:.0f}\n")
        once = probes.backup_age_h()
        (tmp_path / "last_good.remote").write_text("soon")
        spoilt = probes.backup_age_h()
    with probing() as probes:
        unknown = probes.backup_age_h()

    assert never == {"local": None}
    assert once == spoilt == {"local": 2.0, "remote": None}
    assert unknown == {}


def test_each_file_system_is_measured_once() -> None:
    with probing() as probes:
        used = probes.disk_used()

    assert "/" in used
    assert all(0 <= share <= 1 for share in used.values())
    usage = shutil.disk_usage("/")
    assert used["/"] == pytest.approx(usage.used / (usage.used + usage.free), abs=0.02)


@pytest.mark.story("8.6")
def test_monitor_is_told_by_slug_and_a_failure_by_its_suffix() -> None:
    with serving(lambda asked: Reply(200 if "key" in asked.path else 404)) as server:
        with probing(ping_url=f"{server.origin}/key/") as probes:
            told = [probes.ping("trader", is_ok=True), probes.ping("backup", is_ok=False)]
        paths = server.paths()
    with probing() as probes:
        unset = probes.ping("trader", is_ok=True)

    assert told == [True, True]
    assert paths == ["/key/milkbot-trader", "/key/milkbot-backup/fail"]
    assert unset is False
