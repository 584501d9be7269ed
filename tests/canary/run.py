"""``make canary``: a secret in every slot, all services at work and in trouble, then a search everywhere.

The services are those of ``make chaos``. Troubles: model and channels answer with errors that repeat what
they were sent, the exchange answers nonsense, Postgres stops, settings are wrong, a store does not answer.
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.canary import page
from tests.canary.marks import Hit, Mark, search, search_files
from tests.canary.processes import Looked, looking
from tests.chaos.machine import ROOT, Machine, machine
from tests.fakes.loopback import Asked, Reply, serving
from tests.simulation.run import say
from trader.app import postgres
from trader.app.postgres.binaries import install_root
from trader.simulator.faults import Fault, FaultKind

PATHS = ("", "trades", "performance", "forecasts", "decisions", "health", "about")
SERVICES_S = 75
"""Long enough for a cycle, a refresh and a look of the watch."""


Command = Callable[[str, list[str], dict[str, str]], None]


def fresh(name: str) -> str:
    return f"canary-{name}-{secrets.token_hex(12)}"


@dataclass
class Search:
    """What was searched and what was found."""

    marks: list[Mark]
    places: dict[str, str] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)

    def look(self, place: str, contents: list[bytes]) -> None:
        self.places[place] = f"{len(contents)} texts, {sum(map(len, contents)):,} bytes"
        for content in contents:
            self.hits += search(self.marks, place, content)


def echo(asked: Asked) -> Reply:
    """The worst answer: an error that says what was sent, headers and all."""
    return Reply(500, json.dumps([asked.path, asked.headers, asked.body.decode("utf-8", "replace")]).encode())


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="milkbot-canary-") as name, serving(echo) as hostile:
        folder = Path(name)
        folder.chmod(0o711)
        origin = hostile.origin.removeprefix("http://")
        slots = {
            "key id of the live key": fresh("live-id"),
            "confirmation of LIVE": fresh("confirm"),
            "channel: webhook password": fresh("webhook"),
            "channel: ntfy token": f"tk_{secrets.token_hex(15)}",
            "channel: mail password": fresh("mail"),
            "channel: Telegram token": f"{secrets.randbelow(10**9):09d}:{secrets.token_hex(18)[:35]}",
            "the phone's PIN": fresh("pin"),
            "ping key of the monitor": fresh("ping"),
            "key of the language model": f"sk-or-{fresh('model')}",
            "cookie secret of the page": fresh("cookie"),
            "restic password": fresh("restic"),
            "secret key of the S3 store": fresh("s3"),
            "a wrong database password": fresh("wrong"),
        }
        user, mail = secrets.token_hex(8), "127.0.0.1:9/?smtp=127.0.0.1&from=m@a.org&to=a@a.org"
        channels = [
            f"json://{user}:{slots['channel: webhook password']}@{origin}/hook",
            f"ntfy://{slots['channel: ntfy token']}@{origin}/topic",
            f"tgram://{slots['channel: Telegram token']}/{secrets.randbelow(10**9)}",
            f"mailto://bot:{slots['channel: mail password']}@{mail}",
        ]
        live = folder / "live.pem"
        more = {
            "trader": {
                "KALSHI_LIVE_KEY_ID": slots["key id of the live key"],
                "KALSHI_LIVE_KEY_FILE": str(live),
                "LIVE_CONFIRM": slots["confirmation of LIVE"],
                "LOG_LEVEL": "DEBUG",
            },
            "watch": {
                "ALERT_URLS": " ".join(channels),
                "PHONE_PIN": slots["the phone's PIN"],
                "PING_URL": f"{hostile.origin}/{slots['ping key of the monitor']}",
                "LOG_LEVEL": "DEBUG",
            },
            **{
                name: {"STREAMLIT_SERVER_COOKIE_SECRET": slots["cookie secret of the page"]}
                for name in ("page", "page-2", "api")
            },
        }
        with machine(folder, folder / "pg", more=more) as on:
            marks = _marks(on, slots)
            found = Search(marks)
            names: dict[int, str] = {}

            def now() -> dict[int, str]:
                return {p.pid: name for name, p in list(on.running.items())} | names

            with looking(marks, now) as looked:
                _trouble(on, names, slots, hostile.origin, found)
            found.look("page: documents and frames", asyncio.run(page.frames(on, PATHS)))
            found.look("API: every route, good and bad requests", _api(on))
            found.look("database: pg_dump of all schemas", _dump(on))
            found.look("alerts, pings, model: bodies that left", [a.body for a in hostile.asked if a.body])
            _processes(found, looked)
        _files(found, folder)
        _server_logs(found, folder)
    for slot in sorted({mark.slot for mark in marks}):
        say(f"slot    {slot}")
    for place, size in found.places.items():
        say(f"place   {place}: {size}")
    for hit in sorted(set(found.hits), key=str):
        say(f"FOUND   {hit.slot}: in {hit.place}")
    count = len(set(found.hits))
    say(
        f"canary: {len({m.slot for m in marks})} slots, {len(found.places)} places, {count} hits, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if count else 0


HOMES = {
    "key id of the live key": {"trader", "status"},
    "confirmation of LIVE": {"trader", "status"},
    "key of the language model": {"advise"},
    "cookie secret of the page": {"page", "page-2", "api"},
    "secret key of the S3 store": {"backup"},
    "a wrong database password": {"status"},
}
ROLE_HOMES = {
    "milkbot_owner": {"grant"},
    "milkbot_trader": {"trader", "status"},
    "milkbot_dbt": {"rollup"},
    "milkbot_dashboard": {"page", "page-2", "api"},
    "milkbot_watch": {"watch"},
    "milkbot_advisor": {"advise"},
    "milkbot_backup": {"backup"},
}


def _marks(on: Machine, slots: dict[str, str]) -> list[Mark]:
    """Every secret of this run with its home: of the roles, of the slots above, and the keys' own lines."""
    channel = {"watch"}
    marks = [Mark(slot, value, frozenset(HOMES.get(slot, channel))) for slot, value in slots.items()]
    marks = [Mark(m.slot, m.value, frozenset()) if m.slot == "restic password" else m for m in marks]
    passwords: dict[str, str] = json.loads((on.home / "roles.json").read_text())
    marks += [
        Mark(f"database password of {role}", word, frozenset(ROLE_HOMES.get(role, ())))
        for role, word in passwords.items()
    ]
    marks.append(Mark("database password of the superuser", (on.home / "superuser").read_text().strip()))
    demo, tls = Path(on.commands["trader"][1]["KALSHI_DEMO_KEY_FILE"]), on.folder / "nginx" / "cert.key"
    live = on.folder / "live.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(live)], check=True)
    for slot, path in (("demo", demo), ("live", live), ("TLS", tls)):
        body = "".join(path.read_text().splitlines()[1:-1])
        marks.append(Mark(f"private key: {slot}", body[-40:]))
    return marks


def _trouble(on: Machine, names: dict[int, str], slots: dict[str, str], hostile: str, found: Search) -> None:
    """Let all services work, then break what they depend on; run the commands that are not always there."""
    time.sleep(SERVICES_S)
    on.faults.planned.append(Fault("read_*", 0, FaultKind.HTTP_500, rate=0.3))
    on.faults.planned.append(Fault("create", 0, FaultKind.HTML_BODY, rate=0.3))
    said: list[bytes] = []

    def command(name: str, words: list[str], env: dict[str, str]) -> None:
        process = subprocess.Popen(words, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        names[process.pid] = name
        said.append(process.communicate(timeout=120)[0])

    base = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "PYTHONPATH": str(ROOT), "HOME": str(on.folder)}
    milkbot = [sys.executable, "-m", "trader"]
    model = slots["key of the language model"]
    advise = base | {
        "ADVISOR_DATABASE_URL": on.urls.advisor,
        "OPENROUTER_API_KEY": model,
        "OPENROUTER_BASE_URL": f"{hostile}/api/v1",
        "MILKBOT_DATA_DIR": str(on.folder / "advisor"),
    }
    command("advise", [*milkbot, "advise"], advise)
    _backup(on, command, base, slots)
    trader = on.commands["trader"][1]
    wrong = urlsplit(trader["DATABASE_URL"])
    word = slots["a wrong database password"]
    address = wrong._replace(netloc=f"{wrong.username}:{word}@{wrong.hostname}:{wrong.port}").geturl()
    command("status", [*milkbot, "status"], trader | {"DATABASE_URL": address})
    command("status", [*milkbot, "status"], trader | {"DATABASE_URL": address.replace("postgresql", "mysql")})
    command("trader", [*milkbot, "doctor"], trader)
    command("trader", [*milkbot, "run", "--live"], trader | {"TRADING_MODE": "LIVE"})
    watch = on.commands["watch"][1]
    command("watch", [*milkbot, "alerts", "test"], watch)
    command(
        "watch", [*milkbot, "watch"], watch | {"ALERT_URLS": f"nosuch://{slots['channel: ntfy token']}@h"}
    )
    command("watch", [*milkbot, "watch"], watch | {"EVENING_HOUR_ET": "late"})
    postgres.stop_server(on.home)
    time.sleep(15)
    postgres.ensure_server(on.home)
    time.sleep(SERVICES_S)
    found.look("what commands said, good and bad", said)


def _backup(on: Machine, command: Command, base: dict[str, str], slots: dict[str, str]) -> None:
    """One backup to this disk, and one to a store that does not answer."""
    tools = ROOT / "deploy" / "postgres"
    command("grant", [sys.executable, str(tools / "dump.py"), "grant"], base | {"DUMP_URL": on.urls.owner})
    etc = on.folder / "etc"
    etc.mkdir()
    (etc / "restic.password").write_text(slots["restic password"])
    (on.folder / "state").mkdir()
    env = base | {
        "MILKBOT_PYTHON": sys.executable,
        "PG_BIN": str(install_root() / "bin"),
        "BACKUP_DATABASE_URL": on.urls.backup,
        "BACKUP_LOCAL_REPOSITORY": str(on.folder / "restic"),
        "BACKUP_REMOTE_REPOSITORY": "s3:http://127.0.0.1:9/bucket/milkbot",
        "AWS_ACCESS_KEY_ID": "canary-id",
        "AWS_SECRET_ACCESS_KEY": slots["secret key of the S3 store"],
        "BACKUP_STATE_DIR": str(on.folder / "state"),
        "BACKUP_LOG_DIR": str(on.folder / "log"),
        "RESTIC_PASSWORD_FILE": str(etc / "restic.password"),
    }
    command("backup", ["timeout", "60", str(tools / "backup.sh"), "run"], env)


def _api(on: Machine) -> list[bytes]:
    """Every route of the API's own description, as it should be asked and as it should not."""
    with httpx.Client(base_url=f"http://127.0.0.1:{on.ports['api']}", timeout=20) as api:
        routes = [path.replace("{component}", "trader") for path in api.get("/openapi.json").json()["paths"]]
        wrong = [f"{path}?limit=x&before=x" for path in routes]
        asked = ["/openapi.json", "/docs", "/nothing", *routes, *wrong]
        answers = [api.get(path) for path in asked]
    return [answer.content + repr(answer.headers).encode() for answer in answers]


def _dump(on: Machine) -> list[bytes]:
    """What pg_dump writes of every schema, and what the server shows of its sessions."""
    server = postgres.ensure_server(on.home)
    parts = urlsplit(server.superuser_url)
    env = {"PATH": os.environ["PATH"], "PGPASSWORD": parts.password or "", "LC_ALL": "C.UTF-8"}
    words = ["--host", server.host, "--port", str(server.port), "--username", "postgres", "chaos"]
    done = subprocess.run(
        [str(install_root() / "bin" / "pg_dump"), *words], env=env, capture_output=True, check=True
    )
    with psycopg.connect(server.superuser_url) as connection:
        rows = connection.execute("select cast(a as text) from pg_stat_activity as a").fetchall()
    return [done.stdout, "\n".join(row[0] for row in rows).encode()]


def _processes(found: Search, looked: Looked) -> None:
    found.places["processes: command lines and environments"] = (
        f"{looked.looks} looks, {len(looked.seen)} processes"
    )
    found.hits += looked.hits


def _files(found: Search, folder: Path) -> None:
    """Everything the run left behind but the files in which the secrets live."""
    keys = [*folder.glob("sim/*.pem"), folder / "live.pem", folder / "nginx" / "cert.key"]
    home = folder / "pg"
    own = [*keys, folder / "etc" / "restic.password", home / "roles.json", home / "superuser"]
    missing = [path for path in own if not path.exists()]
    if missing or len(keys) < 3:
        raise FileNotFoundError(f"canary: expected the secrets' own files, found none at {missing}")
    cluster = (home / "postgres").resolve()
    spared = [path for path in cluster.rglob("*") if path.is_file()]  # its log is searched below, rows above
    count, hits = search_files(found.marks, folder, [*own, *spared])
    found.places["files: logs, reports of dbt, memory of the watch, stored backups"] = f"{count} files"
    found.hits += hits


def _server_logs(found: Search, folder: Path) -> None:
    logs = list((folder / "pg" / "postgres").resolve().glob("*.log*"))
    found.look("the database server's log", [path.read_bytes() for path in logs])


if __name__ == "__main__":
    raise SystemExit(main())
