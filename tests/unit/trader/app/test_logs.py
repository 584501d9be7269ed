"""The log: named, levelled, JSON or readable, and without a secret anywhere."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from trader.app import logs
from trader.app.config import load_settings
from trader.domain.types import TradingMode

SECRET = "hunter2-Zq/81+x"


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logs, "_secrets", set())
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [h for h in root.handlers if h.get_name() == logs.NAME]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    monkeypatch.setattr(logs, "_is_configured", False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""  # stdout is for data
    return [json.loads(line) for line in captured.err.splitlines()]


@pytest.mark.story("1.2")
def test_json_lines_carry_name_level_time_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")

    logs.logger().info(
        "cycle_finished",
        mode=TradingMode.SHADOW,
        fee_usd=Decimal("0.0175"),
        at=datetime(2026, 7, 15, tzinfo=UTC),
    )

    (line,) = lines(capsys)
    assert line["event"] == "cycle_finished"
    assert line["logger"] == "milkbot"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")
    assert (line["mode"], line["fee_usd"], line["at"]) == ("SHADOW", "0.0175", "2026-07-15T00:00:00+00:00")


@pytest.mark.story("1.2")
def test_console_lines_are_readable(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "console")

    logs.logger().warning("order_denied", city="NYC", api_key=SECRET)

    shown = capsys.readouterr().err
    assert "order_denied" in shown
    assert "city=NYC" in shown
    assert "api_key=***" in shown
    assert not shown.startswith("{")


@pytest.mark.story("1.2")
@pytest.mark.parametrize(("level", "events"), [("DEBUG", 3), ("INFO", 2), ("ERROR", 1)])
def test_level_comes_from_the_environment(
    level: str, events: int, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings({"LOG_LEVEL": level})
    logs.configure(settings.log_level, settings.log_format)

    logs.logger().debug("a")
    logs.logger().info("b")
    logs.logger().error("c")

    assert len(lines(capsys)) == events


@pytest.mark.story("1.2")
@pytest.mark.parametrize(
    "name",
    [
        "key",
        "api_key",
        "KALSHI-ACCESS-KEY",
        "bearerToken",
        "PASSWORD",
        "client_secret",
        "KALSHI-ACCESS-SIGNATURE",
    ],
)
def test_values_are_hidden_by_key_name_at_any_depth(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")

    logs.logger().info("request_sent", **{name: SECRET}, deep={"headers": [{name: SECRET, "status": 200}]})

    text = capsys.readouterr().err
    assert SECRET not in text
    assert json.loads(text)[name] == "***"
    assert json.loads(text)["deep"] == {"headers": [{name: "***", "status": 200}]}


@pytest.mark.story("1.2")
def test_registered_values_are_hidden_in_sentences_keys_and_other_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO", "json", [SECRET])

    logs.logger().info(
        f"sent_{SECRET}", note=f"with {SECRET}!", **{SECRET: 1}, raw=SECRET.encode(), pair=(SECRET, 2)
    )

    text = capsys.readouterr().err
    assert SECRET not in text
    assert text.count("***") == 5


@pytest.mark.story("1.2")
@pytest.mark.parametrize("fmt", ["json", "console"])
def test_exceptions_are_hidden_with_their_causes(fmt: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", fmt, [SECRET])

    try:
        try:
            raise ValueError(f"cannot use {SECRET}")
        except ValueError as error:
            raise RuntimeError(
                "headers {'KALSHI-ACCESS-KEY': 'unregistered-1'} token=unregistered-2"
            ) from error
    except RuntimeError:
        logs.logger().exception("request_failed")

    text = capsys.readouterr().err
    assert "ValueError: cannot use ***" in text
    assert "RuntimeError" in text
    assert SECRET not in text
    assert "unregistered" not in text


@pytest.mark.story("1.2")
def test_reprs_of_objects_and_models_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    class Client:
        def __repr__(self) -> str:
            return f"Client(api_key='{SECRET}', host='h')"

    class Model(BaseModel):
        password: str
        safe: SecretStr
        city: str

    logs.configure("INFO", "json")

    logs.logger().info(
        "made", client=Client(), model=Model(password=SECRET, safe=SecretStr(SECRET), city="NYC")
    )

    (line,) = lines(capsys)
    assert line["client"] == "Client(api_key=***, host='h')"
    assert line["model"] == {"password": "***", "safe": "***", "city": "NYC"}


@pytest.mark.story("1.2")
def test_libraries_go_through_the_same_redaction(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json", [SECRET])

    logging.getLogger("apscheduler.executors").warning("job %s failed", SECRET)
    logging.getLogger("httpx").info("HTTP Request: GET https://example.test")  # chatter is not heard

    (line,) = lines(capsys)
    assert line["event"] == "job *** failed"
    assert line["logger"] == "apscheduler.executors"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p%40ss@h/db", "postgresql://u:***@h/db"),
        ("no route to redis://:pw@h:1", "no route to redis://:***@h:1"),
        ("https://api.weather.gov/points/40.78,-73.97", "https://api.weather.gov/points/40.78,-73.97"),
        ("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b", "a *** b"),
        ("password=abc def", "password=*** def"),
        (
            "KALSHI_DEMO_KEY_ID: expected text, found nothing",
            "KALSHI_DEMO_KEY_ID: expected text, found nothing",
        ),
        ("intent_key=0a1b2c collides", "intent_key=0a1b2c collides"),
        ("{'intent_key': '0a1b', 'token': b'zz'}", "{'intent_key': '0a1b', 'token': ***}"),
    ],
)
def test_free_text_loses_secrets_and_keeps_the_rest(text: str, shown: str) -> None:
    assert logs.redact_text(text) == shown


def test_intent_keys_stay_readable_because_orders_are_followed_by_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO", "json")

    logs.logger().info("order_submitted", intent_key="0a1b2c")

    assert lines(capsys)[0]["intent_key"] == "0a1b2c"


def test_longer_secrets_are_hidden_whole_when_a_shorter_one_is_part_of_them() -> None:
    logs.register_secret("abcd")
    logs.register_secret("abcd-efgh")

    assert logs.redact_text("x abcd-efgh y") == "x *** y"


def test_an_object_without_a_repr_does_not_stop_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError(SECRET)

    logs.configure("INFO", "json")

    logs.logger().info("made", thing=Broken())

    assert lines(capsys)[0]["thing"] == "<Broken whose repr raises ValueError>"


def test_a_closed_stderr_does_not_stop_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    logs.configure("INFO", "json")
    monkeypatch.setattr(sys, "stderr", closed)

    logs.logger().info("cycle_finished")


def test_lines_go_to_a_private_file_when_one_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs" / "trader.log"
    for event in ("first", "second"):
        logs.configure("INFO", "json", [SECRET], path=path)
        logs.logger().info(event, note=SECRET)

    assert capsys.readouterr().err == ""
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["first", "second"]
    assert SECRET not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.story("1.2")
def test_other_handlers_of_the_process_see_no_secret_either(caplog: pytest.LogCaptureFixture) -> None:
    logs.configure("INFO", "json", [SECRET])

    logs.logger().info("request_sent", note=SECRET, api_key="unregistered-1")

    assert "request_sent" in caplog.text
    assert SECRET not in caplog.text
    assert "unregistered" not in caplog.text


@given(st.text(min_size=4, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_registered_value_survives(secret: str, before: str, after: str) -> None:
    logs._secrets.clear()
    logs.register_secret(secret)

    assert secret not in logs.redact_text(f"{before}{secret}{after}").replace("***", "")
