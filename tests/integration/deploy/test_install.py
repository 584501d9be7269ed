"""The installer's steps that need no server: files, secrets, releases, upgrade, rollback and removal.

Packages, accounts, Postgres and services are exercised on a fresh Debian tree by hand; the runbook says with
what result and what could not be exercised.
"""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOMAIN = "milkbot.example"


class Machine:
    """A checkout that can be changed and a folder that stands for the server's root."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.root = folder / "checkout", folder / "root"
        for name in ("deploy", "dashboard", ".ci"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.checkout / name, ignore=ignored)
        for name in ("trader", "dbt_project", "migrations", "docs"):
            (self.checkout / name).mkdir()
            (self.checkout / name / "one").write_text("1")
        for name in (
            "pyproject.toml",
            "requirements.lock",
            "README.md",
            "LICENSE",
            "Makefile",
            "profiles.yml.example",
        ):
            (self.checkout / name).write_text(name)

    def run(self, *words: str, gate: Path | None = None) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "MILKBOT_VENV": sys.prefix}
        if gate is not None:
            env["MILKBOT_GATE"] = str(gate)
        command = [str(self.checkout / "deploy" / "install.sh"), *words, "--root", str(self.root)]
        return subprocess.run(command, env=env, capture_output=True, text=True)

    def install(self, *words: str, gate: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self.run("install", "--domain", DOMAIN, *words, gate=gate)

    def current(self) -> str:
        return (self.root / "opt" / "milkbot" / "current").readlink().name

    def files(self) -> dict[str, bytes]:
        found = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_symlink():
                found[str(path.relative_to(self.root))] = str(path.readlink()).encode()
            elif path.is_file():
                found[str(path.relative_to(self.root))] = path.read_bytes()
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.story("8.8")
def test_dry_run_prints_the_plan_and_changes_nothing(machine: Machine) -> None:
    done = machine.install("--dry-run")

    assert done.returncode == 0, done.stderr
    assert "would: file /etc/systemd/system/trader.service" in done.stdout
    assert not machine.root.exists()


@pytest.mark.story("8.8")
def test_second_run_changes_nothing(machine: Machine) -> None:
    first = machine.install()
    before = machine.files()

    second = machine.install()

    assert first.returncode == 0, first.stderr
    assert second.stdout.splitlines()[-1].startswith("0 changes;")
    assert machine.files() == before


@pytest.mark.story("8.7")
def test_secrets_are_made_once_for_root_alone_and_never_printed(machine: Machine) -> None:
    done = machine.install()
    etc = machine.root / "etc" / "milkbot"
    secret = (etc / "restic.password").read_text().strip()
    cookie = (etc / "dashboard.env").read_text().partition("COOKIE_SECRET=")[2].strip()

    assert len(secret) == 64
    assert len(cookie) == 64
    assert secret not in done.stdout + done.stderr
    assert cookie not in done.stdout + done.stderr
    for path in [*etc.glob("*.env"), etc / "restic.password", etc / "tls" / "origin.key"]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(etc.stat().st_mode) == 0o700


def test_what_the_operator_wrote_survives_an_upgrade(machine: Machine) -> None:
    machine.install()
    settings = machine.root / "etc" / "milkbot" / "trader.env"
    settings.write_text(settings.read_text() + "MIN_EDGE_USD=0.05\n")
    (machine.checkout / "trader" / "one").write_text("2")

    machine.install()

    assert "MIN_EDGE_USD=0.05" in settings.read_text()


@pytest.mark.story("8.8")
def test_upgrade_that_is_not_well_goes_back_to_the_old_code(machine: Machine, tmp_path: Path) -> None:
    machine.install()
    old = machine.current()
    gate = tmp_path / "gate"  # well only while the old code is in force
    gate.write_text('#!/bin/sh\ngrep -qx 1 "$1/trader/one"\n')
    gate.chmod(0o755)
    (machine.checkout / "trader" / "one").write_text("2")

    upgrade = machine.install(gate=gate)

    assert upgrade.returncode == 1
    assert f"the code is back at {old}, the database keeps its new migrations" in upgrade.stderr
    assert machine.current() == old


@pytest.mark.story("8.8")
def test_rollback_goes_to_the_release_before_and_says_that_the_database_stays(machine: Machine) -> None:
    machine.install()
    old = machine.current()
    (machine.checkout / "trader" / "one").write_text("2")
    machine.install()
    new = machine.current()

    done = machine.run("rollback")

    assert new != old
    assert machine.current() == old
    assert "the database was not touched" in done.stdout


def test_rollback_without_an_earlier_release_does_nothing(machine: Machine) -> None:
    machine.install()
    before = machine.files()

    done = machine.run("rollback")

    assert done.returncode == 1
    assert "expected an earlier release, found none" in done.stderr
    assert machine.files() == before


def test_uninstall_leaves_data_and_keys_unless_asked(machine: Machine) -> None:
    machine.install()

    machine.run("uninstall")
    left = {Path(name).parts[0:2] for name in machine.files() if not name.startswith("etc/nftables")}
    machine.run("uninstall", "--with-data")

    assert left == {("etc", "milkbot"), ("var", "log")}
    assert machine.files() == {}


def test_proxy_is_started_again_when_it_dies_and_its_rule_goes_with_us(machine: Machine) -> None:
    machine.install()
    rule = machine.root / "etc/systemd/system/nginx.service.d/10-milkbot.conf"
    was_there = rule.exists() and "Restart=on-failure" in rule.read_text()
    machine.run("uninstall")

    assert was_there
    assert not rule.exists()


@pytest.mark.parametrize("words", [(), ("install",), ("install", "--speed")])
def test_wrong_words_are_refused_with_code_2(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(ROOT / "deploy" / "install.sh"), *words, *(("--root", "/nowhere") if len(words) == 1 else ())],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
    )

    assert done.returncode == 2
    assert "nothing was done" in done.stderr or "deploy/install.sh install" in done.stderr


@pytest.mark.story("8.9")
def test_going_live_needs_the_sentence_typed_and_off_takes_it_all_back(
    machine: Machine, tmp_path: Path
) -> None:
    machine.install()
    etc, units = machine.root / "etc" / "milkbot", machine.root / "etc" / "systemd" / "system"
    env = {"PATH": os.environ["PATH"], "MILKBOT_ETC": str(etc), "MILKBOT_UNITS": str(units)}
    tool = str(ROOT / "deploy" / "bin" / "milkbot-go-live")
    key = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)

    def go(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([tool, *words], env=env, input=typed, capture_output=True, text=True)

    early = go(typed="I trade real money\n")
    subprocess.run(
        [str(ROOT / "deploy/bin/milkbot-key"), "live", "id-of-live", str(key)],
        env=env,
        check=True,
        capture_output=True,
    )
    wrong = go(typed="I trade real money with key id-of-demo at external-api.kalshi.com\n")
    drop_in = units / "trader.service.d" / "40-live.conf"
    left_out = drop_in.exists()
    right = go(typed="I trade real money with key id-of-live at external-api.kalshi.com\n")
    settings, command = (etc / "trader.env").read_text(), drop_in.read_text()
    off = go("off")

    assert (early.returncode, wrong.returncode, left_out) == (1, 1, False)
    assert "id-of-live" not in wrong.stdout + wrong.stderr
    assert right.returncode == 0, right.stderr
    assert "LIVE_CONFIRM='I trade real money with key id-of-live at external-api.kalshi.com'" in settings
    assert command.endswith("milkbot run --live\n")
    assert off.returncode == 0
    assert not drop_in.exists()
    assert "TRADING_MODE=SHADOW" in (etc / "trader.env").read_text()
    assert "LIVE_CONFIRM" not in (etc / "trader.env").read_text()


@pytest.mark.story("8.7")
@pytest.mark.story("8.9")
def test_demo_and_live_keys_are_kept_apart_and_only_one_reaches_the_trader(
    machine: Machine, tmp_path: Path
) -> None:
    machine.install()
    etc, units = machine.root / "etc" / "milkbot", machine.root / "etc" / "systemd" / "system"
    key = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)
    tool = [str(ROOT / "deploy" / "bin" / "milkbot-key")]
    env = {"PATH": os.environ["PATH"], "MILKBOT_ETC": str(etc), "MILKBOT_UNITS": str(units)}
    for words in (["demo", "id-of-demo", str(key)], ["live", "id-of-live", str(key)]):
        subprocess.run(tool + words, env=env, check=True, capture_output=True)

    settings = (etc / "trader.env").read_text()
    drop_in = (units / "trader.service.d" / "30-key.conf").read_text()
    refused = subprocess.run([*tool, "demo", "id", "/dev/null"], env=env, capture_output=True, text=True)

    assert "TRADING_MODE=LIVE" in settings
    assert "id-of-demo" not in settings
    assert "demo.pem" not in drop_in
    assert "KALSHI_DEMO" not in drop_in
    assert "LoadCredential=kalshi_key:" in drop_in
    assert refused.returncode == 1
    assert "found none; nothing was changed" in refused.stderr
    assert {stat.S_IMODE(p.stat().st_mode) for p in (etc / "keys").iterdir()} == {0o600}
