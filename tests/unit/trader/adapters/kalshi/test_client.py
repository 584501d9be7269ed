"""Paging, error shapes, clock skew and limits of the exchange's HTTP calls."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Asked, Loopback, Reply, reply, serving
from tests.fakes.samples import exchange_case
from tests.fakes.venue import unfenced
from trader.adapters.http import HttpClient, Response
from trader.adapters.kalshi.client import KalshiClient, refusal_code
from trader.adapters.kalshi.signing import Signer
from trader.domain.errors import TransientError, VenueRejected

SIGNER = Signer(SecretStr("key-id-0001"), Ed25519PrivateKey.generate())


@contextmanager
def client(
    script: Callable[[Asked], Reply], *, signer: Signer | None = SIGNER
) -> Iterator[tuple[KalshiClient, Loopback, FakeClock]]:
    clock = FakeClock()
    with serving(script) as server, HttpClient(clock=clock, timeout_s=10) as http:
        yield KalshiClient(http, f"{server.origin}/trade-api/v2", clock=clock, signer=signer), server, clock


def pages(*bodies: Any) -> Callable[[Asked], Reply]:
    """Serve bodies[n] for cursor n; the first without a cursor."""
    return lambda asked: reply(bodies[int(asked.query.get("cursor", "0"))])


@pytest.mark.story("3.4")
def test_all_pages_are_read_until_the_cursor_is_empty() -> None:
    script = pages({"rows": [1, 2], "cursor": "1"}, {"rows": [3], "cursor": "2"}, {"rows": [], "cursor": ""})

    with client(script) as (kalshi, server, _):
        found = kalshi.get_pages("/portfolio/fills", "rows", what="fills", params={"min_ts": "5"})

        assert [page.fields.items("rows") for page in found] == [[1, 2], [3], []]
        assert [asked.query["limit"] for asked in server.asked] == ["1000"] * 3
        assert all(asked.query["min_ts"] == "5" for asked in server.asked)


@pytest.mark.parametrize(
    ("bodies", "found"),
    [
        (({"rows": [1], "cursor": "1"}, {"rows": [2], "cursor": "1"}), "repeated one"),
        (({"rows": [1], "cursor": "1"}, {"rows": [1], "cursor": "0"}), "first row again"),
        (({"rows": [1], "cursor": "1"}, {"rows": [2]}), "expected field cursor"),
        (({"rows": [1], "cursor": "1"}, {"row": [2], "cursor": ""}), "expected field rows"),
        (({"rows": [1], "cursor": None},), "expected cursor to be text"),
        (({"rows": {"1": 1}, "cursor": ""},), "expected rows to be a list"),
    ],
)
def test_broken_paging_never_yields_a_partial_list(bodies: tuple[Any, ...], found: str) -> None:
    with client(pages(*bodies)) as (kalshi, _, _), pytest.raises(TransientError, match=found):
        kalshi.get_pages("/portfolio/orders", "rows", what="orders")


@pytest.mark.story("3.3")
@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("auth__bad_signature", "authentication_error"),
        ("auth__missing_signature_header", "signature_is_missing_from_headers"),
        ("auth__unknown_key_id", "authentication_error"),
        ("auth__skew_minus30s", "header_timestamp_expired"),
        ("orders__insufficient_balance", "insufficient_balance"),
        ("orders__invalid_price_structure", "invalid_price"),
        ("orders__post_only_cross", "invalid_order"),
        ("orders__duplicate_client_order_id", "order_already_exists"),
        ("orders__cancel_executed", "not_found"),
        ("orders__numeric_field_types", "bad_request"),
        ("markets__limit_over_max", "parameter_validation"),
    ],
)
def test_recorded_refusals_are_understood(case: str, code: str) -> None:
    recorded = exchange_case(case)

    with (
        client(lambda _: reply(recorded["response_body"], recorded["status"])) as (kalshi, _, _),
        pytest.raises(VenueRejected) as caught,
    ):
        kalshi.get("/portfolio/balance", what="balance")

    assert (caught.value.status, caught.value.code) == (recorded["status"], code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error":"too many requests"}', "too_many_requests"),
        (b"<html>502</html>", None),
        (b"[]", None),
        (b"{}", None),
        (b'{"error":{"code":7}}', None),
        (b'{"code":""}', None),
        ('{"code":"é"}'.encode(), None),
        (b'{"code":"' + b"x" * 200 + b'"}', None),
    ],
)
def test_other_shapes_give_a_short_plain_code_or_none(body: bytes, code: str | None) -> None:
    now = datetime(2026, 7, 16, tzinfo=UTC)

    assert refusal_code(Response(400, {}, body, now, now)) == code


@pytest.mark.story("3.1")
def test_expired_timestamp_is_signed_anew_once_and_only_once() -> None:
    expired = exchange_case("auth__skew_minus5min")["response_body"]

    def script(_: Asked) -> Reply:
        return reply(expired, 401) if len(server.asked) < 2 or is_hopeless else reply({"ok": 1})

    is_hopeless = False
    with client(script) as (kalshi, server, clock):
        assert kalshi.get("/portfolio/balance", what="balance").status == 200
        assert len(server.asked) == 2

        is_hopeless = True
        with pytest.raises(VenueRejected, match="401 header_timestamp_expired"):
            kalshi.get("/portfolio/balance", what="balance")
        assert len(server.asked) == 4
        assert clock.slept == []


def test_each_try_has_its_own_signature() -> None:
    with client(lambda _: Reply(500)) as (kalshi, server, _), pytest.raises(TransientError):
        kalshi.get("/portfolio/balance", what="balance")

    stamps = [asked.headers["kalshi-access-timestamp"] for asked in server.asked]
    assert len(set(stamps)) == 3


@pytest.mark.story("3.1")
def test_public_data_is_read_unsigned_without_a_key() -> None:
    with client(lambda _: reply({}), signer=None) as (kalshi, server, _):
        kalshi.get("/exchange/status", what="status")

        assert not any(name.startswith("kalshi-") for name in server.asked[0].headers)
        assert kalshi.account is None


@pytest.mark.parametrize("offset_s", [-120, 0, 7])
def test_skew_is_our_clock_minus_the_date_header(offset_s: int) -> None:
    def script(_: Asked) -> Reply:
        said = FakeClock().now() - timedelta(seconds=offset_s)
        return reply({}, Date=format_datetime(said, usegmt=True))

    with client(script) as (kalshi, _, _):
        kalshi.get("/exchange/status", what="status")

        assert kalshi.skew_s == pytest.approx(offset_s, abs=0.5)


@pytest.mark.parametrize(
    "headers", [{"Date": "yesterday"}, {"Age": "30", "Date": "Thu, 16 Jul 2026 14:00:00 GMT"}]
)
def test_skew_is_not_told_by_nonsense_or_by_a_cache(headers: dict[str, str]) -> None:
    with client(lambda _: Reply(200, b"{}", headers)) as (kalshi, _, _):
        kalshi.get("/exchange/status", what="status")

        assert kalshi.skew_s is None


def test_write_sends_compact_json_once_and_returns_any_status() -> None:
    with client(lambda _: Reply(500, b"oops")) as (kalshi, server, _):
        response = kalshi.write(
            "POST", "/portfolio/events/orders", what="create", params={}, fence=unfenced, body={"a": "1"}
        )

    assert response.status == 500
    assert [(asked.method, asked.body) for asked in server.asked] == [("POST", b'{"a":"1"}')]
    assert server.asked[0].headers["content-type"] == "application/json"
    assert json.loads(server.asked[0].body) == {"a": "1"}


def test_no_private_key_text_stands_in_a_signer_state(tmp_path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    assert pem.decode() not in repr(vars(SIGNER))
    assert "key-id-0001" not in repr(vars(SIGNER))
