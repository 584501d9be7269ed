"""The HTTP client on real sockets: deadlines, retries, caps, and what it must never do."""

import gzip
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Asked, Loopback, Reply, reply, serving
from trader.adapters.http import HttpClient, join_path
from trader.adapters.wire import _Call
from trader.domain.errors import InvariantViolation, TransientError


@contextmanager
def client(
    script: Callable[[Asked], Reply], **settings: float
) -> Iterator[tuple[HttpClient, Loopback, FakeClock]]:
    clock = FakeClock()
    with serving(script) as server, HttpClient(clock=clock, **{"timeout_s": 10.0, **settings}) as http:  # type: ignore[arg-type]
        yield http, server, clock


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    turns = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda _: next(turns)


@pytest.mark.story("3.1")
@pytest.mark.story("3.5")
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_read_is_tried_three_times_with_growing_backoff(status: int) -> None:
    with client(in_turn(Reply(status))) as (http, server, clock):
        with pytest.raises(
            TransientError, match=rf"things: expected an answer, found status {status} .*3 tries"
        ):
            http.read(f"{server.origin}/x", what="things")

        assert len(server.asked) == 3
        assert len(clock.slept) == 2
        assert 0.25 <= clock.slept[0] < 0.75
        assert 0.5 <= clock.slept[1] < 1.5


def test_backoff_is_the_same_in_every_run_and_differs_between_callers() -> None:
    waits = []
    for path in ("/a", "/a", "/b"):
        with client(lambda _: Reply(500)) as (http, _, _):
            waits.append([http._backoff_s(f"http://host{path}", attempt) for attempt in (0, 1)])

    assert waits[0] == waits[1]
    assert waits[0] != waits[2]


def test_read_succeeds_after_a_dropped_connection_and_an_error() -> None:
    script = in_turn(Reply(is_dropped=True), Reply(503), reply({"ok": True}))
    with client(script) as (http, server, clock):
        response = http.read(f"{server.origin}/x", what="things")

        assert (response.status, response.body) == (200, b'{"ok": true}')
        assert response.received_at == clock.now()


def test_read_headers_are_made_anew_for_each_try() -> None:
    numbers = itertools.count()
    with client(in_turn(Reply(500), Reply(200))) as (http, server, _):
        http.read(f"{server.origin}/x", what="things", headers=lambda: {"X-Sign": str(next(numbers))})

        assert [asked.headers["x-sign"] for asked in server.asked] == ["0", "1"]


def test_refusals_below_500_are_answers_and_not_retried() -> None:
    with client(in_turn(Reply(404))) as (http, server, _):
        assert http.read(f"{server.origin}/x", what="things").status == 404
        assert len(server.asked) == 1


def test_error_status_that_means_something_ends_the_tries() -> None:
    with client(in_turn(Reply(503, b"grid expired"))) as (http, server, clock):
        response = http.read(f"{server.origin}/x", what="grid", is_answer=lambda r: b"expired" in r.body)

        assert response.status == 503
        assert (len(server.asked), clock.slept) == (1, [])


def test_retry_after_is_honoured_up_to_ten_seconds() -> None:
    script = in_turn(
        Reply(429, headers={"Retry-After": "7"}), Reply(429, headers={"Retry-After": "9000"}), Reply(200)
    )
    with client(script) as (http, server, clock):
        http.read(f"{server.origin}/x", what="things")

        assert clock.slept == [7.0, 10.0]


@pytest.mark.story("3.3")
@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("bad", [Reply(500), Reply(is_dropped=True)])
def test_writes_are_sent_exactly_once(method: str, bad: Reply) -> None:
    with client(in_turn(bad)) as (http, server, clock):
        if bad.is_dropped:
            with pytest.raises(TransientError):
                http.send_once(method, f"{server.origin}/x", what="create", content=b"{}")
        else:
            assert http.send_once(method, f"{server.origin}/x", what="create", content=b"{}").status == 500

        assert (len(server.asked), clock.slept) == (1, [])


def test_slow_trickle_ends_at_the_deadline() -> None:
    trickle = Reply(200, b"x" * 1000, pause_s=0.05)

    with client(lambda _: trickle, timeout_s=0.4) as (http, server, _):
        with pytest.raises(TransientError, match=r"within 0\.4 s, found none"):
            http.send_once("GET", f"{server.origin}/x", what="trickle")

        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (Reply(200, b"x" * 100, cut_after=10), "RemoteProtocolError"),
        (Reply(200, b"x" * 5000), "more than 4096 bytes"),
        (
            Reply(200, gzip.compress(b"0" * 1_000_000), {"Content-Encoding": "gzip"}),
            "cut or larger than 4096",
        ),
        (Reply(200, gzip.compress(b"0" * 100)[:-9], {"Content-Encoding": "gzip"}), "cut or larger than 4096"),
        (Reply(200, b"abc", {"Content-Encoding": "br"}), "content encoding 'br'"),
    ],
    ids=["cut body", "huge body", "gzip bomb", "cut gzip", "unknown encoding"],
)
def test_incomplete_or_oversized_body_is_no_answer(bad: Reply, found: str) -> None:
    with (
        client(lambda _: bad, max_bytes=4096, attempts=1) as (http, server, _),
        pytest.raises(TransientError, match=found),
    ):
        http.read(f"{server.origin}/x", what="body")


def test_call_given_up_before_its_first_byte_is_never_sent() -> None:
    with serving(lambda _: reply({})) as server, httpx.Client() as connections:
        call = _Call(connections, "POST", f"{server.origin}/x", {}, {}, b"{}", 4096)
        call.is_abandoned.set()

        call.run()

        assert call.answer is None
        assert server.asked == []


def test_gzip_body_is_decoded() -> None:
    with client(lambda _: Reply(200, gzip.compress(b'{"a":1}'), {"Content-Encoding": "gzip"})) as (
        http,
        server,
        _,
    ):
        assert http.read(f"{server.origin}/x", what="body").body == b'{"a":1}'


def test_redirect_is_not_followed() -> None:
    with client(lambda _: Reply(302, b"", {"Location": "http://127.0.0.1:1/elsewhere"})) as (http, server, _):
        assert http.read(f"{server.origin}/x", what="things").status == 302
        assert len(server.asked) == 1


def test_error_names_place_and_never_headers_or_query() -> None:
    with (
        client(in_turn(Reply(is_dropped=True)), attempts=1) as (http, server, _),
        pytest.raises(TransientError) as caught,
    ):
        http.read(
            f"{server.origin}/x",
            what="balance",
            params={"cursor": "pri-vate"},
            headers=lambda: {"Key": "sec-ret"},
        )

    message = str(caught.value)
    assert "balance" in message
    assert "127.0.0.1/x" in message
    assert "sec-ret" not in message
    assert "pri-vate" not in message


def test_environment_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    with client(lambda _: reply({})) as (http, server, _):
        assert http.read(f"{server.origin}/x", what="things").status == 200


def test_payload_keeps_received_bytes_by_hash() -> None:
    with client(lambda _: reply({"a": 1})) as (http, server, _):
        payload = http.read(f"{server.origin}/x", what="things").payload()

    assert payload.body == '{"a": 1}'
    assert payload.content_type == "application/json"
    assert payload.received_at == datetime(2026, 7, 16, 15, tzinfo=UTC)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_joined_path_has_one_segment_per_name_or_is_refused(names: list[str]) -> None:
    if any(name in ("", ".", "..") for name in names):
        with pytest.raises(InvariantViolation):
            join_path(*names)
    else:
        path = join_path(*names)

        assert path.count("/") == len(names)
        assert not set(path) & set("?# \\")
