"""Looks at the services on loopback and at the machine; tells the outside monitor what it saw."""

import shutil
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from trader.adapters.http import HttpClient
from trader.domain.alerts import Probe
from trader.domain.errors import TransientError
from trader.ports.clock import Clock

DISKS = ("/", "/var/lib/postgresql", "/var/log", "/var/backups")
_DETAIL = 240


class MachineProbes:
    """``ports.alerts.Probes``. ``urls`` has name -> address that answers 200 while the service is well."""

    def __init__(
        self,
        http: HttpClient,
        clock: Clock,
        *,
        urls: Mapping[str, str],
        domain: str | None,
        stamps: Path | None,
        ping_url: str | None,
        https_port: int = 443,
    ) -> None:
        self._http, self._clock, self._urls = http, clock, dict(urls)
        self._domain, self._stamps, self._ping_url = domain, stamps, ping_url
        self._https_port = https_port

    def services(self) -> tuple[Probe, ...]:
        found = [self._http_probe(name, url) for name, url in self._urls.items()]
        if self._domain:
            is_there = self._certificate_end() is not None
            problem = "" if is_there else f"no TLS handshake on port {self._https_port}"
            found.append(Probe(name="proxy", is_ok=not problem, detail=problem or "answers"))
        return tuple(found)

    def _http_probe(self, name: str, url: str) -> Probe:
        try:
            response = self._http.send_once("GET", url, what=name)
        except TransientError as error:
            return Probe(name=name, is_ok=False, detail=str(error).partition(": ")[2][:_DETAIL])
        if response.status == 200:
            return Probe(name=name, is_ok=True, detail="answers")
        # our own health pages say in plain words what is wrong
        words = " ".join(response.body[:_DETAIL].decode("utf-8", "replace").split())
        return Probe(name=name, is_ok=False, detail=f"status {response.status}: {words}"[:_DETAIL])

    def _certificate_end(self) -> float | None:
        """Unix time at which the page's certificate ends. Not verified: only Cloudflare may trust it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection(("127.0.0.1", self._https_port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=self._domain) as secure,
            ):
                raw = secure.getpeercert(binary_form=True)
        except (OSError, ssl.SSLError):
            return None
        return _not_after(raw) if raw else None

    def certificate_days(self) -> float | None:
        end = self._certificate_end() if self._domain else None
        return None if end is None else (end - self._clock.now().timestamp()) / 86_400

    def backup_age_h(self) -> dict[str, float | None]:
        """From the stamps the backup leaves: ``stores`` names them, ``last_good.NAME`` has the Unix time."""
        if self._stamps is None:
            return {}
        ages: dict[str, float | None] = {}
        try:
            names = (self._stamps / "stores").read_text().split()
        except OSError:
            names = ["local"]  # the backup has never run
        for name in names:
            try:
                made = float((self._stamps / f"last_good.{name}").read_text())
                ages[name] = (self._clock.now().timestamp() - made) / 3600
            except (OSError, ValueError):
                ages[name] = None
        return ages

    def disk_used(self) -> dict[str, float]:
        """Share of what a service may fill, for each file system once."""
        used: dict[int, tuple[str, float]] = {}
        for path in DISKS:
            try:
                device, usage = Path(path).stat().st_dev, shutil.disk_usage(path)
            except OSError:
                continue
            used.setdefault(device, (path, usage.used / max(1, usage.used + usage.free)))
        return dict(used.values())

    def ping(self, name: str, *, is_ok: bool) -> bool:
        if not self._ping_url:
            return False
        url = f"{self._ping_url.rstrip('/')}/milkbot-{name}{'' if is_ok else '/fail'}"
        try:
            return self._http.send_once("GET", url, what="monitor").status == 200
        except TransientError:
            return False


def _not_after(certificate: bytes) -> float:
    from cryptography import x509

    return x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp()
