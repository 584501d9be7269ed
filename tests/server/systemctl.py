#!/usr/bin/python3
"""Stands in for systemctl where no service manager runs: starts, stops and asks for units as their files say.

It knows what our units use: accounts, environment files, credentials, folders, logs; Type=oneshot waits.
It does not know timers, watchdogs, restarts, sandboxes: those need the real one.
"""

import os
import pwd
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS, STATE = Path("/etc/systemd/system"), Path("/run/stand-in")
FOREIGN = {
    "nginx": {
        "start": "nginx",
        "stop": "nginx -s stop",
        "reload": "nginx -s reload",
        "is": "test -s /run/nginx.pid && kill -0 $(cat /run/nginx.pid)",
    },
    "postgresql": {
        "start": "pg_ctlcluster 15 main start",
        "stop": "pg_ctlcluster 15 main stop -m fast",
        "reload": "pg_ctlcluster 15 main reload",
        "is": "pg_lsclusters -h | grep -q online",
    },
}


def shell(line: str) -> int:
    return subprocess.run(["bash", "-c", line], stdin=subprocess.DEVNULL).returncode


def settings(name: str) -> dict[str, list[str]]:
    """Words of the unit and of its drop-ins; a key that may come again is a list."""
    found: dict[str, list[str]] = {}
    files = [UNITS / f"{name}.service", *sorted((UNITS / f"{name}.service.d").glob("*.conf"))]
    for line in "\n".join(path.read_text() for path in files).splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def start(name: str) -> int:
    unit = settings(name)
    account = pwd.getpwnam(unit["User"][0])
    credentials, runtime = (
        STATE / f"{name}.credentials",
        Path("/run") / unit.get("RuntimeDirectory", ["none"])[0],
    )
    credentials.mkdir(mode=0o700, exist_ok=True)
    os.chown(credentials, account.pw_uid, account.pw_gid)
    for folder in [Path("/var/lib") / word for word in unit.get("StateDirectory", [])] + [runtime]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(folder, account.pw_uid, account.pw_gid)
    for word in unit.get("LoadCredential", []):
        credential, _, source = word.partition(":")
        (credentials / credential).write_bytes(Path(source).read_bytes())
        os.chown(credentials / credential, account.pw_uid, account.pw_gid)
        (credentials / credential).chmod(0o400)

    def full(text: str) -> str:
        return text.replace("%d", str(credentials)).replace("%t", "/run")

    env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "USER": account.pw_name, "LANG": "C.UTF-8"}
    for path in unit.get("EnvironmentFile", []):
        for line in Path(path).read_text().splitlines():
            key, sign, value = line.partition("=")
            if sign and not line.startswith("#"):
                env[key] = value.strip("'\"")
    for line in unit.get("Environment", []):
        env |= dict(word.split("=", 1) for word in shlex.split(full(line)))
    groups = ",".join([str(account.pw_gid), *unit.get("SupplementaryGroups", [])])
    as_user = [
        "setpriv",
        f"--reuid={account.pw_name}",
        f"--regid={account.pw_gid}",
        f"--groups={groups}",
        "--inh-caps=-all",
    ]
    for line in unit.get("ExecStartPre", []):
        subprocess.run([*as_user, *shlex.split(full(line))], env=env, check=True)
    command = [*as_user, *shlex.split(full(unit["ExecStart"][0]))]
    with Path(unit["StandardOutput"][0].partition(":")[2]).open("ab") as log:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=unit["WorkingDirectory"][0],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    if unit["Type"][0] == "oneshot":
        return process.wait()
    (STATE / f"{name}.pid").write_text(str(process.pid))
    if name == "trader":
        return 0 if ready(process) else 1
    time.sleep(1)
    return 1 if process.poll() else 0


def ready(process: subprocess.Popen[bytes]) -> bool:
    """The trader is ready when its health page answers: it stands in for the notification."""
    for _ in range(1800):
        if process.poll() is not None:
            return False
        if subprocess.run(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8001/health"]).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def pid_of(name: str) -> int | None:
    try:
        pid = int((STATE / f"{name}.pid").read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return None
    return None if state == "Z" else pid


def stop(name: str) -> int:
    pid = pid_of(name)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        for _ in range(1200):
            if pid_of(name) is None:
                return 0
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
    return 0


def one(verb: str, name: str) -> int:
    if name in FOREIGN:
        known = FOREIGN[name]
        if verb == "restart":
            shell(known["stop"])
            return shell(known["start"])
        return shell(known[verb])
    if name.endswith(".timer"):
        mark = STATE / name
        if verb in ("start", "restart"):
            mark.touch()
        elif verb == "stop":
            mark.unlink(missing_ok=True)
        return 0
    if verb == "restart":
        stop(name)
        return start(name)
    return start(name) if verb == "start" and pid_of(name) is None else stop(name) if verb == "stop" else 0


def is_active(name: str) -> bool:
    if name in FOREIGN:
        return shell(FOREIGN[name]["is"]) == 0
    return (STATE / name).exists() if name.endswith(".timer") else pid_of(name) is not None


def main(words: list[str]) -> int:
    if words == ["--version"]:
        sys.stdout.write("systemd 252 (a stand-in)\n")
        return 0
    STATE.mkdir(exist_ok=True)
    verb, *names = [word for word in words if not word.startswith("-")]
    names = [re.sub(r"\.service$", "", name) for name in names]
    if verb in ("daemon-reload", "enable"):
        return 0
    if verb in ("is-active", "status"):
        states = ["active" if is_active(name) else "inactive" for name in names]
        sys.stdout.write("\n".join(states) + "\n")
        return 0 if set(states) == {"active"} else 3
    return max([one(verb, name) for name in names], default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
