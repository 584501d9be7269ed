"""Channels that can be read: what a person writes back. Found among the addresses that alerts go to.

Sources of the forms: ntfy's subscribe API (poll, since), Telegram's bot API (getUpdates); November 2026.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import apprise
from apprise.plugins.ntfy import NotifyNtfy
from apprise.plugins.telegram import NotifyTelegram

from trader.adapters.http import HttpClient, Response
from trader.domain.errors import TransientError
from trader.ports.alerts import Inbox, Words
from trader.ports.clock import Clock

TELEGRAM = "https://api.telegram.org"
MAX_MESSAGES = 50


def inboxes_of(urls: Sequence[str], http: HttpClient, clock: Clock) -> list[Inbox]:
    """The channels of ``urls`` that can be read; others are skipped."""
    found: list[Inbox] = []
    for url in urls:
        channel = apprise.Apprise.instantiate(url)
        if isinstance(channel, NotifyNtfy):
            found += [NtfyInbox(channel, topic, http, clock) for topic in channel.topics]
        elif isinstance(channel, NotifyTelegram):
            found.append(TelegramInbox(channel, http))
    return found


class NtfyInbox:
    """A topic of an ntfy server. Our own messages come back here too; they carry no PIN."""

    def __init__(self, channel: Any, topic: str, http: HttpClient, clock: Clock) -> None:
        scheme = "https" if channel.secure or channel.mode == "cloud" else "http"
        host = "ntfy.sh" if channel.mode == "cloud" else channel.host
        port = f":{channel.port}" if channel.port else ""
        self.name = "ntfy"
        self._url = f"{scheme}://{host}{port}/{topic}/json"
        self._http, self._clock, self._headers = http, clock, _authorisation(channel)

    def read(self, cursor: str | None) -> tuple[Sequence[Words], str]:
        """The cursor is a Unix time; without one only what is sent from now on is read."""
        since = cursor or str(int(self._clock.now().timestamp()))
        response = self._http.send_once(
            "GET",
            self._url,
            what="ntfy",
            params={"poll": "1", "since": since},
            headers=lambda: self._headers,
        )
        found, newest = [], int(since) - 1
        for line in _body(response, "ntfy").splitlines():
            item = _json(line)
            sent_at, text = item.get("time"), item.get("message")
            if item.get("event") == "message" and isinstance(sent_at, int) and isinstance(text, str):
                newest = max(newest, sent_at)
                found.append(Words(self.name, text))
        return found[:MAX_MESSAGES], str(newest + 1)


class TelegramInbox:
    """A bot's messages; only those of the chat that alerts go to are believed."""

    def __init__(self, channel: Any, http: HttpClient, *, origin: str = TELEGRAM) -> None:
        self.name = "telegram"
        self._http = http
        self._url = f"{origin}/bot{channel.bot_token}/getUpdates"
        self._chats = {str(target[0] if isinstance(target, tuple) else target) for target in channel.targets}

    def read(self, cursor: str | None) -> tuple[Sequence[Words], str]:
        """The cursor is the next update's number; without one the newest is asked for and not acted upon."""
        params = {"timeout": "0", "limit": str(MAX_MESSAGES), "offset": cursor or "-1"}
        response = self._http.send_once("GET", self._url, what="telegram", params=params)
        updates = _json(_body(response, "telegram")).get("result")
        found, following = [], int(cursor or 0)
        for update in updates if isinstance(updates, list) else []:
            number, message = update.get("update_id"), update.get("message")
            if isinstance(number, int):
                following = max(following, number + 1)
            if not isinstance(message, dict) or not isinstance(message.get("text"), str):
                continue
            chat = message.get("chat")
            if isinstance(chat, dict) and str(chat.get("id")) in self._chats and cursor is not None:
                found.append(Words(self.name, message["text"]))
        return found, str(following)


def _authorisation(channel: Any) -> Mapping[str, str]:
    if channel.token:
        return {"Authorization": f"Bearer {channel.token}"}
    if channel.user:
        pair = f"{channel.user}:{channel.password or ''}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _body(response: Response, what: str) -> str:
    if response.status != 200:
        raise TransientError(f"{what}: expected status 200, found {response.status}; nothing was read")
    return response.body.decode("utf-8", "replace")


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
