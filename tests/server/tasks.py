"""The tasks of docs/OPERATIONS_RUNBOOK.md as they are written there, with what must be seen."""

import re
from dataclasses import dataclass
from pathlib import Path

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "OPERATIONS_RUNBOOK.md"


@dataclass(frozen=True)
class Task:
    """``command`` stands in the runbook letter by letter; ``given`` puts words of today into it.

    ``expected`` is a pattern in what is said; ``code`` the exit code.
    """

    name: str
    command: str
    expected: str = r"\A\Z"
    code: int = 0
    """-1: 0, or 3 while trading is halted."""
    given: tuple[tuple[str, str], ...] = ()

    def line(self) -> str:
        line = self.command
        for old, new in self.given:
            line = line.replace(old, new)
        return line

    def is_met(self, said: str, code: int) -> bool:
        is_code = code in (0, 3) if self.code == -1 else code == self.code
        return is_code and re.search(self.expected, said.strip(), re.DOTALL) is not None


ANN = ("YOURNAME", "ann")
SINCE = ("2026-11-19T00:00:00+00:00", "2026-07-01T00:00:00+00:00")
ACTIVE = r"mode SHADOW: ACTIVE: trading is allowed.*last cycle"
AGE = "sudo milkbot-backups age"
TASKS = (
    Task("is all well: status", "sudo milkbot status", ACTIVE),
    Task(
        "is all well: services",
        "systemctl is-active trader analytics.timer dashboard dashboard-2 api backup.timer nginx postgresql",
        r"\A(active\n){7}active\Z",
    ),
    Task("a backup is missing", AGE, r"local: expected a good backup within 26 hours, found none", 1),
    Task("back up now", "sudo systemctl start backup.service"),
    Task("is all well: backups", AGE, r"\Alocal: newest good backup \d+ minutes old\Z"),
    Task(
        "back up now: the list",
        "sudo milkbot-backups list",
        r"1 snapshots",
    ),
    Task(
        "log of the backup",
        "sudo tail -5 /var/log/milkbot/backup.log",
        '"event":"backup_stored","store":"local"',
    ),
    Task("halt", 'sudo milkbot halt --reason "why"', r"halt file written.*HALTED stored"),
    Task("halt: status", "sudo milkbot status", r"HALTED.*why", 3),
    Task("trade again", 'sudo milkbot resume --by YOURNAME --reason "why"', r"lifted: ", given=(ANN,)),
    Task("an order is unknown: halt", 'sudo milkbot halt --reason "unknown order"', "HALTED stored"),
    Task(
        "halted: go on",
        'sudo milkbot resume --by YOURNAME --reason "what you found"',
        r"lifted: ",
        given=(ANN,),
    ),
    Task("reduce only", 'sudo milkbot reduce-only --reason "why"', r"REDUCE_ONLY stored"),
    Task("trade again", 'sudo milkbot resume --by YOURNAME --reason "why"', r"lifted: ", given=(ANN,)),
    Task("halt when nothing answers", "sudo touch /var/lib/milkbot/halt/HALT"),
    Task("halt file: status", "sudo milkbot status", r"HALTED", 3),
    Task(
        "trade again: the file stays",
        'sudo milkbot resume --by YOURNAME --reason "why"',
        r"still halted: the halt file|nothing was halted",
        given=(ANN,),
    ),
    Task("see what selling would bring", "sudo milkbot flatten", r"nothing was changed"),
    Task(
        "sell everything",
        'sudo milkbot flatten --confirm --by YOURNAME --reason "why"',
        r"ordered by ann.*sells in its next cycle",
        given=(ANN,),
    ),
    Task(
        "page: does it draw",
        "curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:8501/_stcore/health",
        "200",
    ),
    Task("page: services", "systemctl is-active nginx dashboard dashboard-2", r"\A(active\n){2}active\Z"),
    Task("page: restart one", "sudo systemctl restart NAME", given=(("NAME", "dashboard-2"),)),
    Task("page: its log", "sudo tail -20 /var/log/milkbot/dashboard.log", r'\A\{"event": '),
    Task("proxy: its files", "sudo nginx -t", "test is successful"),
    Task("proxy: its log", "sudo tail -5 /var/log/milkbot/web-errors.txt", ""),
    Task(
        "proxy: the certificate",
        "sudo openssl x509 -in /etc/milkbot/tls/origin.pem -noout -enddate",
        "notAfter=",
    ),
    Task("stale page: refresh", "sudo systemctl start analytics.service"),
    Task("stale page: the log", "sudo tail -5 /var/log/milkbot/analytics.log", "all passed"),
    Task("halted: rejects", "sudo grep risk_event /var/log/milkbot/trader.log | tail", ""),
    Task("trader: last lines", "sudo tail -3 /var/log/milkbot/trader.log", "."),
    Task("trader: how many", 'pgrep -af "milkbot run"', r"\A\d+ \S+python\S* \S+milkbot run\Z"),
    Task(
        "trader: errors",
        'sudo jq -r \'select(.level=="error") | .timestamp + " " + .event + " " + (.error // "")\' '
        "/var/log/milkbot/trader.log | tail",
    ),
    Task("database: does it run", "pg_lsclusters", "online"),
    Task("database: restart", "sudo systemctl restart postgresql"),
    Task("disk: how full", "df -h /", "Use%"),
    Task("disk: releases", "ls -t /opt/milkbot/releases", r"\A[0-9a-f]{12}\Z"),
    Task(
        "disk: who fills it",
        "sudo du -xsh /var/log /var/lib/postgresql /var/backups /opt/milkbot/releases",
        "releases",
    ),
    Task(
        "logs: cycles",
        "sudo jq -r 'select(.event==\"cycle_finished\") | [.timestamp, .orders, .fills, .error] | @tsv' "
        "/var/log/milkbot/trader.log | tail",
        r"\d{4}-\d\d-\d\dT",
    ),
    Task(
        "logs: all errors",
        "sudo jq 'select(.level==\"error\")' /var/log/milkbot/*.log",
        "",
    ),
    Task("stop the program", "sudo systemctl stop trader"),
    Task("reconcile by hand", "sudo milkbot reconcile", r"equal the exchange's|healed", -1),
    Task("start the program", "sudo systemctl start trader"),
    Task(
        "replay",
        "sudo milkbot replay --since 2026-11-19T00:00:00+00:00",
        r"identical \(100 %\)",
        given=(SINCE,),
    ),
    Task("restart everything", "sudo systemctl restart api dashboard dashboard-2 trader"),
    Task(
        "restore",
        "sudo milkbot-restore --into milkbot_restored",
        r"row counts and checksums equal.*100 %.*all passed.*restored into milkbot_restored",
    ),
    Task("restore: stop", "sudo systemctl stop trader analytics.timer dashboard dashboard-2 api"),
    Task(
        "restore: put into force",
        "sudo -u postgres psql -c 'alter database milkbot rename to milkbot_old' "
        "-c 'alter database milkbot_restored rename to milkbot'",
        "ALTER DATABASE",
    ),
    Task("restore: start", "sudo systemctl start api dashboard dashboard-2 analytics.timer trader"),
    Task("restore: status", "sudo milkbot status", "mode SHADOW", -1),
    Task("restore: a week later", "sudo -u postgres dropdb milkbot_old"),
    Task("change all passwords", "sudo milkbot-rotate-passwords", "new passwords for all roles"),
    Task("restart everything", "sudo systemctl restart api dashboard dashboard-2 trader"),
    Task(
        "put a demo key in",
        "sudo milkbot-key demo KEY_ID /path/to/new.pem",
        "the demo key is in place",
        given=(("KEY_ID", "00000000-0000-4000-8000-000000000001"), ("/path/to/new.pem", "/srv/new.pem")),
    ),
    Task("demo key: restart", "sudo systemctl restart trader"),
    Task("demo key: status", "sudo milkbot status", "mode DEMO", -1),
    Task("take all keys away", "sudo milkbot-key none", "TRADING_MODE=SHADOW"),
    Task("no key: restart", "sudo systemctl restart trader"),
    Task("certificate: reload", "sudo nginx -t && sudo systemctl reload nginx", "test is successful"),
    Task(
        "switch all of it off",
        "sudo systemctl stop trader analytics.timer backup.timer api dashboard dashboard-2",
    ),
)
NOT_RUN = {
    "sudo reboot": "there is no machine to restart",
    "sudo restic -r /var/backups/milkbot/restic key passwd": "asks a person for a password",
    "sudo tail -f /var/log/milkbot/trader.log": "does not end",
    "systemctl status trader --no-pager | head -15": "the stand-in knows active and inactive only",
    "systemctl status analytics.timer analytics.service --no-pager | head -20": "the same",
    "sudo zcat /var/log/milkbot/trader.log-2026-11-18.gz | jq .": "no day is past yet",
    "timedatectl": "the kernel's clock is the host's",
    "sudo timedatectl set-ntp true": "the same",
    "curl -s -o /dev/null -w '%{http_code}\\n' https://api.weather.gov": "no way out of the copy",
    "sudo nft list table inet milkbot | head -5": "the firewall is not loaded without a service manager",
}
"""Commands of the runbook that were not performed, with the reason."""


FIRST_WORDS = ("sudo ", "systemctl ", "curl ", "df ", "ls ", "pg_lsclusters", "pgrep ", "timedatectl")


def written(text: str) -> list[str]:
    """Every command of the runbook: lines of its blocks, and what stands in a sentence or a table."""
    plain = text.replace("\\|", "|")
    blocks = re.findall(r"```\n(.*?)```", plain, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    short = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", plain, flags=re.DOTALL))
    return list(dict.fromkeys([*lines, *(words for words in short if words.startswith(FIRST_WORDS))]))


def missing(text: str) -> list[str]:
    """Commands above that the runbook does not hold letter by letter (in a table a bar is escaped)."""
    plain = text.replace("\\|", "|")
    return [command for command in (*(t.command for t in TASKS), *NOT_RUN) if command not in plain]
