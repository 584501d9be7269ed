"""``make server``: install Milkbot in a copy of this machine, use it as the runbook says, upgrade, remove it.

Three processes, each in narrower rooms: the first makes namespaces of mounts and processes, the second
installs with the network it has (packages), the third has a network of its own and performs the runbook.
Writes docs/runbook_times.md. Needs root, overlayfs and Debian or Ubuntu with Postgres 15 in its packages.
"""

import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.server.copy import Copy, Said, copied
from tests.server.tasks import NOT_RUN, RUNBOOK, TASKS, missing

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "runbook_times.md"
DOMAIN = "milkbot.example"
WORLD_AT = "2026-07-17T00:28:03+00:00"
PARTS = (
    *(
        "pyproject.toml",
        "requirements.lock",
        "README.md",
        "LICENSE",
        "Makefile",
        "profiles.yml.example",
        ".ci",
    ),
    *("trader", "dbt_project", "dashboard", "migrations", "deploy", "docs"),
)
ROOMS = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")
INSTALL = "checkout/deploy/install.sh"
HEAD = """# The operator's tasks, performed

Written by `make server`; do not edit. {made}

Each command is taken letter by letter from [OPERATIONS_RUNBOOK.md](OPERATIONS_RUNBOOK.md) and performed on
a copy of this machine in which `deploy/install.sh` had installed Milkbot: real accounts, Postgres, nginx,
files and ports, a network of its own. The recorded week stands for exchange and weather service.
`sudo` and `systemctl` are stand-ins (`tests/server`): units are started as their files say, without the
service manager's own rules.
Seconds are those of a machine that had other work to do.

"""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Report:
    """Steps with their verdicts, for the page and the exit code."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.bad: list[str] = []

    def note(self, name: str, command: str, said: Said, *, is_good: bool) -> None:
        lines = said.text.strip().splitlines() or ["(no output)"]
        last = lines[-1][:150].replace("|", "\\|").replace("<", "&lt;")
        cells = (name, f"`{command.replace('|', chr(92) + '|')}`", f"{said.seconds:.1f}")
        self.rows.append(f"| {' | '.join(cells)} | {'yes' if is_good else '**no**'} | {last} |")
        verdict = "held    " if is_good else "NOT HELD"
        say(f"{verdict} {said.seconds:6.1f} s  {name}: {command[:70]}  [{said.code}] {last}")
        if not is_good:
            self.bad.append(name)
            say("          " + "\n          ".join(lines[-12:]))

    def table(self) -> str:
        head = "| task | command | seconds | as expected | last line |\n|---|---|---|---|---|"
        return "\n".join([head, *self.rows])


def install(copy: Copy, report: Report) -> None:
    """From nothing to running services, as DEPLOYMENT_RUNBOOK says."""
    checkout = copy.root / "srv" / "checkout"
    checkout.mkdir()  # filled from outside: a clone below /tmp is not to be seen in the copy
    with subprocess.Popen(["tar", "-C", str(ROOT), "-cf", "-", *PARTS], stdout=subprocess.PIPE) as packed:
        subprocess.run(["tar", "-C", str(checkout), "-xf", "-"], stdin=packed.stdout, check=True)
    words = f"{INSTALL} install --domain {DOMAIN}"
    steps = (
        ("install: the plan", f"{words} --dry-run", r"nothing was changed\Z"),
        ("install", words, r"migrate up: 0001.*all passed.*release \w+ is in force\Z"),
        ("install again", words, r"(\A|\n)0 changes; release \w+ is in force\Z"),
    )
    for name, line, pattern in steps:
        said = copy.run(line, timeout_s=1500)
        good = said.code == 0 and bool(re.search(pattern, said.text.strip(), re.DOTALL))
        report.note(name, f"sudo {line.replace('checkout/', '')}", said, is_good=good)


def equip(copy: Copy) -> None:
    """The stand-ins, a recorded world on loopback, and settings that point at it."""
    systemctl = copy.root / "usr" / "local" / "bin" / "systemctl"
    systemctl.write_bytes((Path(__file__).parent / "systemctl.py").read_bytes())
    systemctl.chmod(0o755)
    sudo = '#!/bin/bash\nif [ "$1" = -u ]; then exec runuser -u "$2" -- "${@:3}"; fi\nexec "$@"\n'
    (copy.root / "usr" / "local" / "bin" / "sudo").write_text(sudo)
    copy.run("chmod 755 /usr/local/bin/sudo; ip link set lo up; pg_ctlcluster 15 main restart")
    copy.run(
        "cd /opt/milkbot/current; mkdir -p /srv/sim; (setsid .venv/bin/python -m trader.simulator "
        "--port 9999 --speed 1 --ready /srv/sim/ready --key-dir /srv/sim >/srv/sim/log 2>&1 &); "
        "for i in $(seq 300); do [ -s /srv/sim/ready ] && break; sleep 0.2; done; "
        f'curl -s -X POST -d \'{{"now": "{WORLD_AT}"}}\' http://127.0.0.1:9999/sim/clock; '
        "cp /srv/sim/*ed25519.pem /srv/new.pem"
    )
    lines = ["KALSHI_BASE_URL=http://127.0.0.1:9999/trade-api/v2", "NWS_BASE_URL=http://127.0.0.1:9999"]
    lines += ["OPENMETEO_BASE_URL=http://127.0.0.1:9999", "MIN_FORECAST_PAIRS=0"]
    with (copy.root / "etc" / "milkbot" / "trader.env").open("a") as file:
        file.write("\n".join(lines) + "\n")


def operate(copy: Copy, report: Report) -> None:
    start = "systemctl start nginx analytics.timer backup.timer api dashboard dashboard-2 trader"
    said = copy.run(start)
    report.note("start of all services", start, said, is_good=said.code == 0)
    copy.run(
        "for i in $(seq 120); do grep -q cycle_finished /var/log/milkbot/trader.log && break; sleep 1; done"
    )
    for task in TASKS:
        said = copy.run(task.line())
        met = task.is_met(said.text, said.code)
        report.note(task.name, task.line(), said, is_good=met)
        if task.name == "trade again: the file stays":
            copy.run('rm -f /var/lib/milkbot/halt/HALT; milkbot resume --by ann --reason "file removed"')
        if task.name == "sell everything":
            copy.run('milkbot resume --by ann --reason "go on"')


def change(copy: Copy, report: Report) -> None:
    """Upgrade that fails its gate, upgrade that is well, rollback, removal."""
    # the first release's environment serves the next one: this room has no way out for packages
    lent = {"MILKBOT_VENV": copy.run("readlink -f /opt/milkbot/current/.venv").text.strip()}
    # bad: well only while the old code is in force, as after going back to it
    old = copy.run("readlink -f /opt/milkbot/current").text.strip()
    for name, gate in (("bad", f'[ "$(readlink -f "$1")" = {old} ]'), ("good", "exit 0")):
        path = copy.root / "srv" / f"gate-{name}"
        path.write_text(f"#!/bin/sh\n{gate}\n")
        path.chmod(0o755)
    steps = (
        ("upgrade whose health gate fails", f"{INSTALL} install", "bad", 1, r"the code is back at"),
        ("upgrade that is well", f"{INSTALL} install", "good", 0, r"release \w+ is in force\Z"),
        ("rollback", f"{INSTALL} rollback", "", 0, r"is in force; the database was not touched"),
        ("uninstall", f"{INSTALL} uninstall", "", 0, ""),
        ("uninstall with data", f"{INSTALL} uninstall --with-data", "", 0, ""),
    )
    copy.run("echo '# newer' >> /srv/checkout/trader/__init__.py")
    for name, line, gate, code, pattern in steps:
        more = lent | ({"MILKBOT_GATE": f"/srv/gate-{gate}"} if gate else {})
        said = copy.run(line, more)
        good = said.code == code and bool(re.search(pattern, said.text.strip(), re.DOTALL))
        report.note(name, f"sudo {line.replace('checkout/', '')}", said, is_good=good)
    ours = "/etc/milkbot /opt/milkbot /var/lib/milkbot /etc/nginx/milkbot /etc/nginx/conf.d/milkbot.conf"
    units = "/etc/systemd/system/trader.service /etc/systemd/system/nginx.service.d/10-milkbot.conf"
    left = copy.run(f"ls -d {ours} {units} /usr/local/bin/milkbot* 2>/dev/null; getent passwd | grep milkbot")
    report.note("nothing of ours is left", "ls, getent passwd", left, is_good=left.text.strip() == "")


def main() -> int:
    stage = os.environ.get("SERVER_STAGE", "")
    if not stage:
        if os.geteuid() != 0:
            say("not run: a copy of the machine can be mounted by root only")
            return 1 if os.environ.get("STRICT") == "1" else 0
        if unknown := missing(RUNBOOK.read_text()):
            say(f"expected commands of the runbook, found others: {unknown}")
            return 1
        command = [*ROOMS, sys.executable, "-m", "tests.server.run", *sys.argv[1:]]
        os.execvpe(command[0], command, os.environ | {"SERVER_STAGE": "1"})  # noqa: S606 - no shell
    if stage == "1":
        return _installed()
    report = Report()
    copy = Copy(Path(os.environ["SERVER_COPY"]))
    report.rows = (copy.root / "tmp" / "rows").read_text().splitlines()
    equip(copy)
    for part in (operate, change):
        part(copy, report)
        write(report)
    return 1 if report.bad else 0


def write(report: Report) -> None:
    """The page, also after the first part: what was performed is not lost when the second one breaks."""
    made = f"Last run {datetime.now(UTC):%Y-%m-%d %H:%M UTC} on {os.cpu_count()} shared cores."
    held = len(report.rows) - len(report.bad)
    rest = "\n".join(f"- `{command}`: {why}." for command, why in NOT_RUN.items())
    parts = [f"{HEAD.format(made=made)}{report.table()}", f"{held} of {len(report.rows)} as expected."]
    PAGE.write_text("\n\n".join([*parts, "Not performed:", rest]) + "\n", encoding="utf-8")
    say(f"written: {PAGE.relative_to(ROOT)}; {held} of {len(report.rows)} as expected")


def _installed() -> int:
    """The second room: the copy and the installation; the third is a process without our network."""
    report = Report()
    top = Path(tempfile.mkdtemp(prefix="milkbot-server-"))
    try:
        with copied(top) as copy:
            install(copy, report)
            if report.bad:
                return 1
            (copy.root / "tmp" / "rows").write_text("\n".join(report.rows))
            env = os.environ | {"SERVER_STAGE": "2", "SERVER_COPY": str(copy.root)}
            return subprocess.run(
                ["unshare", "--net", sys.executable, "-m", "tests.server.run", *sys.argv[1:]], env=env
            ).returncode
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(top)], check=False)
        top.rmdir()


if __name__ == "__main__":
    raise SystemExit(main())
