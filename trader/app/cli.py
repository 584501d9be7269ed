"""The command line: arguments in, data on stdout, logs on stderr, an exit code out."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trader.app.asked import day
from trader.domain.errors import ConfigurationError, LostWriterLock, MilkbotError

if TYPE_CHECKING:
    from trader.app.config import Settings
    from trader.ports.ops_store import OpsStore

DONE, FAILED, MISUSED, HALTED = 0, 1, 2, 3
Command = Callable[[argparse.Namespace, Mapping[str, str]], int]


def say(text: str) -> None:
    """Write one line of data to stdout at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Extra(NamedTuple):
    """A command of a layer above this one: name, what it does, its words, its arguments."""

    name: str
    command: Command
    text: str
    add_arguments: Callable[[argparse.ArgumentParser], None]


def run(argv: Sequence[str], env: Mapping[str, str] | None = None, *, extras: Sequence[Extra] = ()) -> int:
    """Run one command; return 0 done, 1 failed, 2 misused or misconfigured, 3 halted."""
    arguments = _parser(extras).parse_args(argv)
    environment = dict(os.environ if env is None else env)
    if _is_service(environment):
        from trader.app.logs import log_everything

        log_everything()
    try:
        return int(arguments.command(arguments, environment))
    except MilkbotError as error:
        is_misused, kind = isinstance(error, ConfigurationError), type(error).__name__
        if _is_service(environment):
            from trader.app.logs import logger

            logger().error("command_failed", command=argv[0], kind=kind, error=str(error))
        else:
            sys.stderr.write(f"milkbot: {'' if is_misused else f'{kind}: '}{error}\n")
        return MISUSED if is_misused else FAILED
    except KeyboardInterrupt:
        sys.stderr.write("milkbot: stopped\n")
        return FAILED


def _is_service(env: Mapping[str, str]) -> bool:
    """Whether a unit runs this: it sets LOG_FORMAT, and all that is said belongs into its log of JSON."""
    return env.get("LOG_FORMAT") == "json"


def _tell(env: Mapping[str, str], event: str, words: str, *, is_good: bool = True, **facts: Any) -> None:
    """Say how a piece of a service's work went: an event in its log; to a person the words, on stdout."""
    if not _is_service(env):
        say(words)
        return
    from trader.app.logs import logger

    if is_good:
        logger().info(event, detail=words, **facts)
    else:
        logger().error(event, error=words, **facts)


def _demo(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.demo import run_demo

    if arguments.shadow:
        env = {**env, "TRADING_MODE": "SHADOW"}
    return run_demo(env, say, serve=not arguments.no_serve, world=arguments.world)


def _run(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.jobs import run_forever

    return run_forever(env, is_live_asked=arguments.live)


def _cycle(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.jobs import run_once

    summary, is_halted = run_once(env, arguments.city, is_live_asked=arguments.live)
    say(summary.model_dump_json() if arguments.json else _words(summary.model_dump(mode="json")))
    return HALTED if is_halted else FAILED if summary.error else DONE


def _reconcile(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.books import reconcile
    from trader.app.halt import book_state, states_in_force
    from trader.app.wiring import open_from_env
    from trader.domain.types import TradingState

    with open_from_env(env, command="reconcile") as trader:
        done = trader.started or reconcile(trader)  # it was done at the start, before anything else
        for line in done.lines:
            say(json.dumps({"reconcile": line}) if arguments.json else line)
        state = book_state(states_in_force(trader.store, trader.halt_file, trader.mode, trader.clock))
    return HALTED if state is TradingState.HALTED else DONE


def _ledger(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.ledger import year_of
    from trader.app.wiring import open_store, settings_and_urls

    settings, _ = settings_and_urls(env, need=("trader",))
    with open_store(env) as store:
        found = year_of(store, _meant(settings, store, env).mode, arguments.year)
    if arguments.out:
        Path(arguments.out).write_text(found.csv(), encoding="utf-8")
        say(f"{len(found.lines)} movements written to {arguments.out}")
    else:
        sys.stdout.write(found.csv())
    sys.stderr.write(found.words() + "\n")
    return DONE


def _rollup(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.clock import SystemClock
    from trader.app.rollup import Dbt
    from trader.app.wiring import settings_and_urls

    settings, urls = settings_and_urls(env, need=("analytics",))
    clock = SystemClock()
    with Dbt(urls.analytics, data_dir=settings.data_dir) as dbt:
        while True:
            selector = "deploy" if arguments.full else arguments.selector
            result = dbt.run(selector, is_full=arguments.full)
            words = f"{result.summary()} in {result.seconds:.1f} s"
            event = "warehouse_refreshed" if result.success else "refresh_failed"
            _tell(env, event, words, is_good=result.success, selector=selector)
            if not arguments.every:
                return DONE if result.success else FAILED
            clock.sleep(max(0.0, arguments.every - result.seconds))


def _publish(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.publish import publish_from_env

    publish_from_env(env, lambda words: _tell(env, "published", words), is_at_once=arguments.at_once)
    return DONE


def _migrate(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app import migrate
    from trader.app.wiring import settings_and_urls

    _, urls = settings_and_urls(env, need=("owner",))
    if arguments.direction == "status":
        for row in migrate.status(urls.owner):
            say(f"{row.version} {row.name:<24} {row.applied_at or 'not applied'}")
        return DONE
    done = (migrate.up if arguments.direction == "up" else migrate.down)(urls.owner, arguments.to)
    say(f"migrate {arguments.direction}: {', '.join(done) if done else 'nothing to do'}")
    return DONE


def _archive(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.archive import archive, attach
    from trader.app.clock import SystemClock
    from trader.app.wiring import settings_and_urls

    _, urls = settings_and_urls(env, need=("owner",))
    month, folder = arguments.month.date(), Path(arguments.to)
    if arguments.attach:
        done = attach(urls.owner, month, folder)
    else:
        now = SystemClock().now()
        done = archive(urls.owner, month, folder, now=now, is_detaching=arguments.detach)
    for part in done:
        say(json.dumps(asdict(part)) if arguments.json else part.words())
    return DONE


def _db(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app import postgres
    from trader.app.wiring import data_dir_of

    data_dir = data_dir_of(env)
    if arguments.action == "stop":
        stopped = [postgres.stop_server(home) for home in (data_dir / "public", data_dir)]
        say("Postgres stopped" if any(stopped) else "no Postgres of ours was running")
        return DONE
    server = postgres.ensure_server(data_dir)
    say(f"Postgres on {server.host}:{server.port}, process {server.pid}")
    return DONE


def _replay(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.golive import record_replay
    from trader.app.replay import replay
    from trader.app.wiring import open_store

    with open_store(env) as store:
        result = replay(store, arguments.since)
    for line in result.differences[:20]:
        say(line)
    if arguments.record:
        record_replay(env, result, since=arguments.since, by=arguments.by)
    share = 100 * result.identical / result.cycles if result.cycles else 0
    if arguments.json:
        say(json.dumps(asdict(result)))
    else:
        say(
            f"{result.cycles} cycles, {result.signals} decisions, "
            f"{result.identical} cycles identical ({share:.0f} %)"
        )
    return DONE if result.cycles == result.identical and result.cycles else FAILED


def _sim(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    import subprocess

    from trader.app.wiring import data_dir_of

    key_dir = data_dir_of(env) / "sim"
    key_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "trader.simulator",
        "--port",
        str(arguments.port),
        "--world",
        arguments.world,
    ]
    command += ["--speed", str(arguments.speed), "--seed", str(arguments.seed), "--key-dir", str(key_dir)]
    command += ["--ready", str(key_dir / "ready.json"), "--parent", str(os.getpid())]
    if arguments.faults:
        command += ["--faults", arguments.faults]
    say(
        f"simulator: world {arguments.world}; port, key id and key file in {key_dir / 'ready.json'}; "
        "Ctrl-C stops it"
    )
    return subprocess.call(command)


def _advise(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.advise.wiring import open_desk

    with open_desk(env) as desk:
        done = desk.run()
    facts: dict[str, Any] = vars(done) | {"cost_usd": str(done.cost_usd)}
    if arguments.json:
        say(json.dumps(facts))
    else:
        _tell(env, "advised", _words(facts), **facts)
    return DONE


def _go_live_check(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app import golive
    from trader.core.golive import OVERRIDE_WORDS

    if arguments.register:
        golive.register(env, by=arguments.by, say=say)
        return DONE
    if arguments.override:
        say(f"Type: {OVERRIDE_WORDS}")
        typed = sys.stdin.readline()
        golive.override(env, by=arguments.by, reason=arguments.reason or "", typed=typed, say=say)
        return DONE
    return DONE if golive.check(env, by=arguments.by, say=say) == "pass" else FAILED


def _watch(_: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.watch.wiring import run_watch

    return run_watch(env)


def _alerts(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.watch.wiring import acknowledge_all, open_alerts, send_test

    if arguments.action == "test":
        sent = send_test(env)
        for kind, is_ok in sent:
            say(f"{kind}: {'taken' if is_ok else 'NOT taken'}")
        if not sent:
            say("no channel is set: ALERT_URLS is empty")
        return DONE if sent and all(is_ok for _, is_ok in sent) else FAILED
    if arguments.action == "ack":
        say(acknowledge_all(env, by=arguments.by))
    for line in open_alerts(env) or ["no open alert"]:
        say(line)
    return DONE


def _meant(settings: "Settings", store: "OpsStore", env: Mapping[str, str]) -> "Settings":
    """The mode that ran last is the one that is meant, unless the environment names one."""
    if "TRADING_MODE" in env or (last := store.cycles.newest()) is None:
        return settings
    return settings.model_copy(update={"mode": last.mode})


def _explain(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.explain import explain
    from trader.app.wiring import open_store

    with open_store(env) as store:
        lines = explain(store, arguments.signal)
    say(json.dumps({"explain": lines}) if arguments.json else "\n".join(lines))
    return DONE


def _status(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.status import status_lines
    from trader.app.wiring import open_store, settings_and_urls

    settings, _ = settings_and_urls(env, need=("trader",))
    with open_store(env) as store:
        settings = _meant(settings, store, env)
        lines, is_halted = status_lines(store, settings)
    say(json.dumps({"status": lines}) if arguments.json else "\n".join(lines))
    return HALTED if is_halted else DONE


def _doctor(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.doctor import Verdict, cells, examine

    lines = cells(env) if arguments.command_name == "cities" else examine(env)
    for line in lines:
        say(json.dumps(line._asdict()) if arguments.json else line.words())
    return FAILED if any(line.verdict is Verdict.FAIL for line in lines) else DONE


def _halt(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.switches import halt_now

    for line in halt_now(env, arguments.reason, by=arguments.by, reduce_only=arguments.reduce_only):
        say(line)
    return DONE


def _resume(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.switches import resume_now

    for line in resume_now(env, by=arguments.by, reason=arguments.reason):
        say(line)
    return DONE


def _flatten(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.jobs import run_once
    from trader.app.switches import flatten_now, flatten_preview
    from trader.app.wiring import open_store

    with open_store(env) as store:
        lines = flatten_preview(store)
    for line in lines:
        say(line)
    if not arguments.confirm:
        say("nothing was changed; with --confirm it is sold")
        return DONE
    for line in flatten_now(env, by=arguments.by, reason=arguments.reason):
        say(line)
    try:
        summary, _ = run_once(env, None)
    except LostWriterLock:
        say("the running trader sells in its next cycle, within five minutes")
        return DONE
    say(_words(summary.model_dump(mode="json")))
    return FAILED if summary.error else DONE


def _serve(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app import serve
    from trader.app.wiring import settings_and_urls

    settings, urls = settings_and_urls(env, need=("dashboard",))
    is_page = arguments.what == "page"
    port = arguments.port or (settings.page_port if is_page else settings.api_port)
    command = serve.page_command(port) if is_page else serve.api_command(port)
    say(f"{arguments.what} on http://127.0.0.1:{port}; Ctrl-C stops it")
    cwd = serve.ROOT / "dashboard" if is_page else serve.ROOT
    sys.stdout.flush()
    os.chdir(cwd)
    # this process becomes the server: a signal to it cannot leave an orphan on the port
    os.execve(command[0], command, serve.public_env(urls.dashboard))  # noqa: S606 - no shell is the point


def _fit(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    from trader.app.fit.command import fit

    fit(arguments, env, say)
    return DONE


def _instant(text: str) -> datetime:
    """An argument that is an instant; argparse turns the ValueError into a usage error."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _evaluate(arguments: argparse.Namespace, _: Mapping[str, str]) -> int:
    from trader.app.evaluate.months import evaluate_months
    from trader.app.evaluate.run import evaluate
    from trader.domain.amounts import UNIT_IN
    from trader.domain.types import MarketType

    variable = MarketType(arguments.variable.upper())
    if variable in UNIT_IN:
        return evaluate_months(
            history=Path(arguments.history),
            date_from=arguments.date_from,
            date_to=arguments.date_to,
            cities=arguments.city or (),
            json=arguments.json,
            say=say,
            variable=variable,
        )
    return evaluate(
        history=Path(arguments.history),
        date_from=arguments.date_from,
        date_to=arguments.date_to,
        cities=arguments.city or (),
        instants=arguments.at.split(","),
        json=arguments.json,
        out_html=Path(arguments.html) if arguments.html else None,
        say=say,
        variable=variable,
    )


def _settled(arguments: argparse.Namespace, _: Mapping[str, str]) -> int:
    from trader.app.evaluate.settled import settled

    return settled(Path(arguments.history), as_json=arguments.json, say=say)


def _words(facts: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {value}" for name, value in facts.items() if value is not None)


def _parser(extras: Sequence[Extra]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="milkbot", description="Autonomous trader for Kalshi's weather markets."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    demo = add(
        "demo", _demo, "Trade the recorded week end to end on a database of its own, then show the page."
    )
    demo.add_argument(
        "--no-serve", action="store_true", help="print the summary and exit; the database keeps running"
    )
    demo.add_argument(
        "--shadow", action="store_true", help="send no order: simulated fills on the same world"
    )
    demo.add_argument("--world", default="july2026", help="recorded world (default july2026)")
    trader = add(
        "run", _run, "Trade every five minutes until stopped. Without keys: SHADOW on live public data."
    )
    trader.add_argument(
        "--live", action="store_true", help="needed for LIVE, besides TRADING_MODE and LIVE_CONFIRM"
    )
    cycle = add("cycle", _cycle, "Run one cycle now. Sends orders in DEMO; exits 3 when halted.")
    cycle.add_argument("--city", action="append", metavar="CODE", help="only this city (repeatable)")
    cycle.add_argument("--json", action="store_true")
    cycle.add_argument("--live", action="store_true", help="needed for LIVE, as with run")
    books = add("reconcile", _reconcile, "Compare our books with the exchange's and heal ours from evidence.")
    books.add_argument("--json", action="store_true")
    year = add(
        "ledger",
        _ledger,
        "Write a year's fills, fees, payouts and transfers as CSV, with the cash each moved.",
    )
    year.add_argument("--year", type=int, required=True, help="calendar year in New York")
    year.add_argument("--out", metavar="FILE", help="write there instead of to stdout")
    roll = add("rollup", _rollup, "Refresh the warehouse with dbt. Reads ops, writes analytics.")
    roll.add_argument(
        "--selector",
        choices=("refresh", "deploy"),
        default="refresh",
        help="refresh: add what is new to the tables; deploy: views and tests too (default refresh)",
    )
    roll.add_argument(
        "--full", action="store_true", help="deploy, with every table built anew from all of ops"
    )
    roll.add_argument(
        "--every", type=float, metavar="SECONDS", help="stay, and repeat: the project is read only once"
    )
    out = add(
        "publish",
        _publish,
        "Copy the public marts to the public's own Postgres (PUBLISH_DATABASE_URL). Reads analytics, changes "
        "nothing there.",
    )
    out.add_argument("--at-once", action="store_true", help="do not wait for the next half minute")
    move = add("migrate", _migrate, "Move the ops schema. 'down' drops tables and their rows.")
    move.add_argument("direction", choices=("up", "down", "status"))
    move.add_argument("--to", help="stop at this version")
    old = add(
        "archive",
        _archive,
        "Write a closed month of snapshots, predictions, signals and payloads to Parquet and compare what is "
        "read back. --detach takes it out of its tables; --attach undoes that. Nothing is deleted.",
    )
    old.add_argument(
        "--month", type=_instant, required=True, metavar="YYYY-MM-01", help="any day of the month"
    )
    old.add_argument("--to", required=True, metavar="DIR", help="folder of the archive")
    how = old.add_mutually_exclusive_group()
    how.add_argument("--detach", action="store_true", help="afterwards, take the month out of its tables")
    how.add_argument("--attach", action="store_true", help="put a detached month back")
    old.add_argument("--json", action="store_true", help="one object a line")
    base = add("db", _db, "Start or stop the embedded Postgres.")
    base.add_argument("action", choices=("start", "stop"))
    again = add(
        "replay", _replay, "Recompute stored decisions from stored rows and compare bytes. Changes nothing."
    )
    again.add_argument("--since", type=_instant, help="ISO instant, UTC where it names no zone; default all")
    again.add_argument("--json", action="store_true")
    again.add_argument("--record", action="store_true", help="store the outcome as evidence for going live")
    again.add_argument("--by", default=os.environ.get("USER") or "operator")
    sim = add("sim", _sim, "Serve the exchange, weather and ensemble of a recorded world on loopback.")
    sim.add_argument("--port", type=int, default=0)
    sim.add_argument("--world", default="july2026")
    sim.add_argument("--speed", type=float, default=0.0, help="world seconds per second; 0 = stepped by hand")
    sim.add_argument("--faults", help="JSON file of faults to inject")
    sim.add_argument("--seed", type=int, default=0)
    check = add(
        "go-live-check",
        _go_live_check,
        "Judge the evidence for LIVE by registered gates; switches nothing.",
    )
    check.add_argument("--register", action="store_true", help="write the gates down; evidence begins now")
    check.add_argument("--override", action="store_true", help="go without the verdict; typed and logged")
    check.add_argument("--reason", help="why, for --override")
    check.add_argument("--by", required=True, metavar="NAME")
    add("watch", _watch, "Look after the services, alert, ping the outside monitor, obey the phone.")
    alerts = add("alerts", _alerts, "List open alerts, acknowledge them, or send a test to every channel.")
    alerts.add_argument("action", choices=("list", "ack", "test"))
    alerts.add_argument("--by", default=os.environ.get("USER") or "operator")
    words = add(
        "advise",
        _advise,
        "Explain wanted contracts and label unusual markets. Trades nothing, decides nothing.",
    )
    words.add_argument("--json", action="store_true")
    state = add("status", _status, "Say in plain words what Milkbot does and why. Exits 3 when halted.")
    state.add_argument("--json", action="store_true")
    health = add(
        "doctor",
        _doctor,
        "Look at settings, database, key, clock, hosts, stations, cells, series, fees, disk, backup: a line "
        "each, with the next step. Changes nothing; exits 1 when one fails.",
    )
    health.add_argument("--json", action="store_true", help="one object a line")
    health.set_defaults(command_name="doctor")
    places = add("cities", _doctor, "Hold each city's forecast cell against its station. Changes nothing.")
    places.add_argument("action", choices=("verify",))
    places.add_argument("--json", action="store_true", help="one object a line")
    places.set_defaults(command_name="cities")
    why = add(
        "explain", _explain, "Explain one decision from stored rows, and recompute it. Changes nothing."
    )
    why.add_argument("signal", help="number of a signal, or a market's ticker for its newest one")
    why.add_argument("--json", action="store_true")
    for name, is_reduce, text in (
        (
            "halt",
            False,
            "Send no more orders; what rests is cancelled, settlement goes on. Undone by 'resume'.",
        ),
        ("reduce-only", True, "Allow only orders that reduce risk. Undone by 'resume'."),
    ):
        halt = add(name, _halt, text)
        halt.add_argument("--reason", required=True)
        halt.add_argument("--by", default=os.environ.get("USER") or "operator")
        halt.set_defaults(reduce_only=is_reduce)
    lift = add(
        "resume", _resume, "Lift halts. The halt file's only once the file is gone; a venue's pause never."
    )
    lift.add_argument("--by", required=True)
    lift.add_argument("--reason", required=True)
    flat = add(
        "flatten",
        _flatten,
        "Show what selling every position would bring. --confirm sells, also while halted, until 'resume'; "
        "nothing sold can be unsold.",
    )
    flat.add_argument("--confirm", action="store_true", help="sell")
    flat.add_argument("--by", default=os.environ.get("USER") or "operator")
    flat.add_argument("--reason", default="flatten")
    for name in ("page", "api"):
        server = add(name, _serve, f"Serve the public {name} on loopback with the read-only role.")
        server.add_argument("--port", type=int)
        server.set_defaults(what=name)
    fit = add(
        "fit",
        _fit,
        "Fit forecast parameters, or give a stored set a role. --history writes only --out; --stored, "
        "--candidate, --promote, --withdraw and --rollback add rows to our books; another role undoes them.",
    )
    what = fit.add_mutually_exclusive_group(required=True)
    what.add_argument("--history", metavar="DIR", help="fit on a folder of recorded history")
    what.add_argument(
        "--stored", action="store_true", help="fit sources on our own pairs; the result is a candidate"
    )
    what.add_argument("--candidate", metavar="FILE", help="let a fitted set run beside the current one")
    what.add_argument("--promote", metavar="HASH", help="make a candidate current, if it was no worse")
    what.add_argument("--withdraw", metavar="HASH", help="end a candidate")
    what.add_argument("--rollback", action="store_true", help="make the set before the current one current")
    what.add_argument("--list", action="store_true", help="list the sets with roles and scores")
    fit.add_argument(
        "--until",
        type=day,
        metavar="DATE",
        help="use nothing from this day on",
    )
    fit.add_argument("--general", action="store_true", help="leave out coefficients of recorded sources")
    fit.add_argument("--name", default="fitted", help="what to call the set")
    fit.add_argument("--out", metavar="FILE", help="where --history writes the set (default: stdout)")
    fit.add_argument("--by", help="who gives a role")
    fit.add_argument("--reason", default="", help="why")
    fit.add_argument("--json", action="store_true", help="one object a line (--list)")
    score = add(
        "evaluate", _evaluate, "Score forecasts against the market, walk-forward. Writes only --html."
    )
    score.add_argument("--history", required=True, help="folder of recorded history")
    score.add_argument("--from", dest="date_from", type=day, required=True, metavar="DATE")
    score.add_argument("--to", dest="date_to", type=day, required=True, metavar="DATE")
    score.add_argument("--city", action="append", metavar="CODE", help="only this city (repeatable)")
    score.add_argument(
        "--at", default="23Z-1,12Z,18Z", help="instants, -1 the day before (default all three)"
    )
    score.add_argument(
        "--variable",
        choices=("high", "low", "rain", "snow"),
        default="high",
        help="daily highs or lows, or the rain or snow of months (--at and --html have no part in these)",
    )
    score.add_argument("--json", action="store_true", help="one object a line per city and instant")
    score.add_argument("--html", help="write a self-contained report here")
    paid = add(
        "settled",
        _settled,
        "Compare our rule of settlement with every published result; list each difference. Exits 1 below "
        "999 of 1,000. Changes nothing.",
    )
    paid.add_argument("--history", required=True, help="folder of recorded history")
    paid.add_argument("--json", action="store_true", help="one object a line")
    for extra in extras:
        extra.add_arguments(add(extra.name, extra.command, extra.text))
    return parser
