"""Alerts on real sockets: to a webhook and an ntfy topic, and back from ntfy and Telegram."""

import json
from collections.abc import Callable
from typing import Any

import apprise
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Asked, Reply, reply, serving
from trader.adapters.alerts.channels import AppriseChannels
from trader.adapters.alerts.inboxes import NtfyInbox, TelegramInbox, inboxes_of
from trader.adapters.http import HttpClient
from trader.domain.alerts import Message
from trader.domain.errors import ConfigurationError, TransientError
from trader.domain.types import Severity

MESSAGE = Message(severity=Severity.CRITICAL, title="Milkbot, act now", body="TRADER_DOWN: <b>no answer</b>")


@pytest.mark.story("8.6")
def test_message_reaches_a_webhook_and_an_ntfy_topic_and_a_dead_channel_is_told() -> None:
    with serving(lambda _: reply({})) as server:
        host = server.origin.removeprefix("http://")
        sent = AppriseChannels(
            [f"json://{host}/hook", f"ntfy://{host}/topic", "json://127.0.0.1:9/dead"]
        ).send(MESSAGE)
        bodies = {asked.path: json.loads(asked.body) for asked in server.asked}

    assert sorted(sent) == [("JSON", False), ("JSON", True), ("ntfy", True)]
    assert bodies["/hook"]["title"] == MESSAGE.title
    assert bodies["/hook"]["message"] == MESSAGE.body
    assert bodies["/hook"]["type"] == "failure"


def test_address_that_is_none_is_refused_without_repeating_its_secret() -> None:
    with pytest.raises(ConfigurationError, match=r"ALERT_URLS number 2: .*found nosuch://\.\.\.") as caught:
        AppriseChannels(["json://127.0.0.1:9/x", "nosuch://token-canary@host"])

    assert "canary" not in str(caught.value)


def test_only_channels_that_can_be_read_become_inboxes() -> None:
    with HttpClient(clock=FakeClock()) as http:
        found = inboxes_of(
            ["json://127.0.0.1/x", "ntfys://h.example/t", "tgram://123456789:abcdefg_hij/42/"],
            http,
            FakeClock(),
        )

    assert [inbox.name for inbox in found] == ["ntfy", "telegram"]


def ntfy(script: Callable[[Asked], Reply], cursor: str | None, url: str = "ntfy://{host}/t") -> Any:
    with serving(script) as server, HttpClient(clock=FakeClock(), timeout_s=2) as http:
        channel = apprise.Apprise.instantiate(url.format(host=server.origin.removeprefix("http://")))
        words, following = NtfyInbox(channel, "t", http, FakeClock()).read(cursor)
        (asked,) = server.asked
    return [w.text for w in words], following, asked


def test_topic_is_read_from_the_cursor_on_and_other_events_are_skipped() -> None:
    lines = [
        {"id": "a", "time": 1700000001, "event": "open", "topic": "t"},
        {"id": "b", "time": 1700000005, "event": "message", "topic": "t", "message": "stop 12345678 rain"},
        "not json",
        {"id": "c", "time": "soon", "event": "message", "message": "bad time"},
        {"id": "d", "time": 1700000003, "event": "message", "message": 7},
    ]
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()

    words, following, asked = ntfy(lambda _: Reply(200, body), "1700000000", "ntfy://tk_canary@{host}/t")

    assert words == ["stop 12345678 rain"]
    assert following == "1700000006"
    assert asked.path == "/t/json"
    assert asked.query == {"poll": "1", "since": "1700000000"}
    assert asked.headers["authorization"] == "Bearer tk_canary"


def test_first_look_reads_only_what_comes_from_now_on() -> None:
    _, following, asked = ntfy(lambda _: Reply(200, b""), None)

    now = str(int(FakeClock().now().timestamp()))
    assert (asked.query["since"], following) == (now, now)


@pytest.mark.parametrize("status", [401, 429, 500])
def test_inbox_that_refuses_is_said_to_be_silent(status: int) -> None:
    with pytest.raises(TransientError, match=f"ntfy: expected status 200, found {status}"):
        ntfy(lambda _: Reply(status), "1")


def telegram(updates: list[Any], cursor: str | None) -> Any:
    with (
        serving(lambda _: reply({"ok": True, "result": updates})) as server,
        HttpClient(clock=FakeClock()) as http,
    ):
        channel = apprise.Apprise.instantiate("tgram://123456789:abcdefg_hij/42/")
        words, following = TelegramInbox(channel, http, origin=server.origin).read(cursor)
        (asked,) = server.asked
    return [w.text for w in words], following, asked


def update(number: int, chat: int, text: str) -> dict[str, Any]:
    return {"update_id": number, "message": {"chat": {"id": chat}, "text": text}}


def test_bot_believes_only_the_chat_that_alerts_go_to() -> None:
    words, following, asked = telegram(
        [update(7, 42, "status 12345678"), update(8, 666, "stop 12345678")], "5"
    )

    assert words == ["status 12345678"]
    assert following == "9"
    assert asked.path == "/bot123456789:abcdefg_hij/getUpdates"
    assert asked.query["offset"] == "5"


def test_bots_backlog_is_skipped_at_the_first_look() -> None:
    assert telegram([update(7, 42, "stop 12345678")], None)[:2] == ([], "8")


@pytest.mark.parametrize(
    "updates", [[{}], [{"update_id": "x"}], [{"message": []}], [update(1, 42, "x") | {"message": 3}]]
)
def test_odd_updates_are_skipped(updates: list[Any]) -> None:
    assert telegram(updates, "1")[0] == []
