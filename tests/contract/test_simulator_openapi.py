"""The simulator over a real socket against the exchange's own description and its recorded answers."""

import base64
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator, FormatChecker
from schemathesis.generation import GenerationMode

from trader.simulator.server import Ready, running
from trader.simulator.world import World

RESOURCES = Path(__file__).parents[1] / "resources" / "kalshi"
BASE = "/trade-api/v2"
ORDERS = f"{BASE}/portfolio/events/orders"
AT_CAPTURE = "2026-07-16T01:29:16Z"
TICKER = "KXHIGHNY-26JUL16-B89.5"
FORMATS = FormatChecker(())


def _is_date_time(text: object) -> bool:
    return not isinstance(text, str) or (
        text.endswith("Z") and datetime.fromisoformat(text).tzinfo is not None
    )


FORMATS.checks("date-time", raises=ValueError)(_is_date_time)


@cache
def description() -> dict[str, Any]:
    text = (RESOURCES / "kalshi-openapi.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return found


@cache
def components() -> dict[str, Any]:
    found: dict[str, Any] = _strict(description()["components"]["schemas"])
    return found


def _strict(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: nullable becomes a choice, and objects admit no field they do not name."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _strict(value) for key, value in node.items() if key not in ("example", "nullable")}
    if isinstance(made.get("properties"), dict) and "allOf" not in made and "type" in made:
        made.setdefault("additionalProperties", False)
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made


def conforms(name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": components()}}
    errors = list(Draft202012Validator(schema, format_checker=FORMATS).iter_errors(value))
    assert not errors, [(list(error.path), error.message) for error in errors[:5]]


class Client:
    """Signs as the exchange asks; time is the world's."""

    def __init__(self, ready: Ready) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{ready.port}", timeout=10)
        self._key_id, self._key = ready.key_id, Path(ready.key_file).read_bytes()
        self.step("2026-07-15T00:00:00Z")

    def step(self, now: str) -> httpx.Response:
        self._now = datetime.fromisoformat(now)
        return self.http.post("/sim/clock", json={"now": now})

    def __call__(self, method: str, path: str, **keywords: Any) -> httpx.Response:
        key = serialization.load_pem_private_key(self._key, None)
        assert isinstance(key, Ed25519PrivateKey)
        stamp = str(int(self._now.timestamp() * 1000))
        signature = base64.b64encode(key.sign(f"{stamp}{method}{path.partition('?')[0]}".encode())).decode()
        headers = {
            "KALSHI-ACCESS-KEY": self._key_id,
            "KALSHI-ACCESS-TIMESTAMP": stamp,
            "KALSHI-ACCESS-SIGNATURE": signature,
        }
        return self.http.request(method, path, headers=headers, **keywords)

    def get(self, path: str) -> Any:
        answer = self("GET", BASE + path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, side: str, price: str, count: str = "1.00", **changes: Any) -> httpx.Response:
        body = {
            "ticker": TICKER,
            "side": side,
            "price": price,
            "count": count,
            "client_order_id": f"c{time.monotonic_ns()}",
            "time_in_force": "immediate_or_cancel",
            "self_trade_prevention_type": "taker_at_cross",
        }
        return self("POST", ORDERS, json=body | changes)


Start = Callable[..., Client]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a starter of simulators; all of them end with the test."""
    with ExitStack() as stack:

        def launch(**options: Any) -> Client:
            client = Client(stack.enter_context(running(tmp_path, **options)))
            stack.callback(client.http.close)
            return client

        yield launch


@pytest.fixture
def client(start: Start) -> Client:
    made = start()
    made.step(AT_CAPTURE)
    return made


def recorded(case: str) -> Any:
    rows = json.loads((RESOURCES / "demo_rest_exchanges_2026-06-11.json").read_text(encoding="utf-8"))[
        "exchanges"
    ]
    found = next(row for row in rows if row["case"] == case)
    if isinstance(found["response_body"].get("error"), dict):
        found["response_body"]["error"].pop("service", None)  # gone from the exchange since 2026-08-06
    return found


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("GetSeriesListResponse", "/series"),
        ("GetSeriesResponse", "/series/KXHIGHNY"),
        ("GetSeriesFeeChangesResponse", "/series/fee_changes"),
        ("GetEventsResponse", "/events?status=open&with_nested_markets=true"),
        ("GetEventsResponse", "/events?series_ticker=KXLOWTBOS"),
        ("GetEventResponse", "/events/KXHIGHNY-26JUL16"),
        ("GetEventResponse", "/events/KXHIGHNY-26JUL16?with_nested_markets=true"),
        ("GetMarketsResponse", "/markets?limit=1000"),
        ("GetMarketResponse", f"/markets/{TICKER}"),
        ("GetMarketOrderbookResponse", f"/markets/{TICKER}/orderbook?depth=3"),
        ("GetMarketOrderbooksResponse", f"/markets/orderbooks?tickers={TICKER},KXLOWTBOS-26JUL16-B64.5"),
        ("ExchangeStatus", "/exchange/status"),
        ("GetExchangeScheduleResponse", "/exchange/schedule"),
        ("GetUserDataTimestampResponse", "/exchange/user_data_timestamp"),
    ],
)
def test_public_answers_conform_and_need_no_signature(client: Client, schema: str, path: str) -> None:
    if "KXLOWTBOS-26JUL16-B64.5" in path:
        known = client.get("/markets?series_ticker=KXLOWTBOS&status=open")["markets"][1]["ticker"]
        path = path.replace("KXLOWTBOS-26JUL16-B64.5", known)

    answer = client.http.get(BASE + path)

    assert answer.status_code == 200
    conforms(schema, answer.json())


def test_portfolio_answers_conform_before_during_and_after_trading(client: Client) -> None:
    bought = client.create("bid", "0.99", "3.00")
    sold = client.create("ask", "0.01", "1.50")
    resting = client.create("bid", "0.01", time_in_force="good_till_canceled")
    for answer in (bought, sold, resting):
        assert answer.status_code == 201, answer.text
        conforms("CreateOrderV2Response", answer.json())
    order_id = resting.json()["order_id"]
    conforms("GetOrderResponse", client.get(f"/portfolio/orders/{order_id}"))
    canceled = client("DELETE", f"{ORDERS}/{order_id}")
    conforms("CancelOrderV2Response", canceled.json())
    client.step("2026-07-17T14:16:00Z")

    for schema, path in (
        ("GetBalanceResponse", "/portfolio/balance"),
        ("GetOrdersResponse", "/portfolio/orders"),
        ("GetFillsResponse", "/portfolio/fills"),
        ("GetPositionsResponse", "/portfolio/positions?settlement_status=all"),
        ("GetSettlementsResponse", "/portfolio/settlements"),
        ("GetAccountApiLimitsResponse", "/account/limits"),
        ("GetAccountEndpointCostsResponse", "/account/endpoint_costs"),
        ("GetEventFeeChangesResponse", "/events/fee_changes"),
        ("GetDepositsResponse", "/portfolio/deposits"),
        ("GetWithdrawalsResponse", "/portfolio/withdrawals"),
        ("GetHistoricalCutoffResponse", "/historical/cutoff"),
        ("GetOrdersResponse", "/historical/orders"),
        ("GetFillsResponse", "/historical/fills"),
        ("GetMarketsResponse", "/historical/markets?tickers=KXHIGHNY-24NOV13-T60"),
    ):
        conforms(schema, client.get(path))
    assert len(client.get("/portfolio/settlements")["settlements"]) == 1
    assert client.get("/portfolio/positions")["market_positions"] == []


def test_markets_of_every_lifecycle_state_conform_and_results_equal_the_recorded_ones(start: Start) -> None:
    client, world = start(), World.load("july2026")
    seen: dict[str, Any] = {}
    statuses = set()
    for now in (
        "2026-07-15T10:00:00Z",
        "2026-07-16T13:00:00Z",
        "2026-07-16T14:12:00Z",
        "2026-07-22T14:16:00Z",
    ):
        client.step(now)
        cursor, pages = "", 0
        while pages == 0 or cursor:
            page = client.get(f"/markets?limit=400&cursor={cursor}")
            cursor, pages = page["cursor"], pages + 1
            statuses |= {row["status"] for row in page["markets"]}
            seen |= {row["ticker"]: row for row in page["markets"]}
        conforms("GetMarketsResponse", page)

    assert statuses == {"initialized", "active", "closed", "determined", "finalized"}
    settled = {ticker: row for ticker, row in world.markets.items() if row.result is not None}
    assert len(settled) == 456
    for ticker, market in settled.items():
        row = seen[ticker]
        assert (row["status"], row["result"]) == ("finalized", market.result)
        assert Decimal(row["expiration_value"]) == market.settled_value
        assert row["settlement_value_dollars"] == ("1.0000" if market.result == "yes" else "0.0000")
    silent = [row for ticker, row in seen.items() if ticker not in settled]
    assert {row["result"] for row in silent} == {""}
    assert {row["status"] for row in silent} == {"closed", "active"}


def test_a_determined_market_has_its_result_before_its_value(start: Start) -> None:
    client = start()
    client.step("2026-07-17T14:12:00Z")

    market = client.get(f"/markets/{TICKER}")["market"]

    assert (market["status"], market["expiration_value"]) == ("determined", "")
    assert market["result"] in ("yes", "no")
    assert "settlement_ts" not in market


def test_market_shape_equals_the_recorded_new_york_market(client: Client) -> None:
    sample = json.loads((RESOURCES / "demo_markets_KXHIGHNY_2026-06-14.json").read_text(encoding="utf-8"))
    theirs = next(
        row for row in sample["markets"] if row["strike_type"] == "between" and row["status"] == "active"
    )
    removed = {"liquidity_dollars", "fractional_trading_enabled", "response_price_units"}

    ours = client.get(f"/markets/{TICKER}")["market"]

    assert set(theirs) - removed <= set(ours)
    assert ours["rules_secondary"] == theirs["rules_secondary"]
    numbers = re.compile(r"\w+ \d+, 2026|\d+-\d+°")
    assert numbers.sub("#", ours["rules_primary"]) == numbers.sub("#", theirs["rules_primary"])
    assert numbers.sub("#", ours["early_close_condition"]) == numbers.sub(
        "#", theirs["early_close_condition"]
    )


def test_a_book_is_the_recorded_one_and_the_best_prices_agree_with_it(client: Client) -> None:
    recorded_book = World.load("july2026").book(0, TICKER)
    assert recorded_book is not None

    book = client.get(f"/markets/{TICKER}/orderbook")["orderbook_fp"]
    market = client.get(f"/markets/{TICKER}")["market"]

    for side, name in zip(recorded_book, ("yes_dollars", "no_dollars"), strict=True):
        assert [(int(Decimal(p) * 100), int(Decimal(s) * 100)) for p, s in book[name]] == [*side]
    assert market["yes_bid_dollars"] == book["yes_dollars"][-1][0]
    assert Decimal(market["yes_ask_dollars"]) == 1 - Decimal(book["no_dollars"][-1][0])
    assert market["yes_ask_size_fp"] == book["no_dollars"][-1][1]


def test_between_captures_books_are_empty_and_markets_show_no_quote(client: Client) -> None:
    client.step("2026-07-16T01:29:42Z")

    book = client.get(f"/markets/{TICKER}/orderbook")["orderbook_fp"]
    market = client.get(f"/markets/{TICKER}")["market"]

    assert book == {"yes_dollars": [], "no_dollars": []}
    assert [market[f"{side}_dollars"] for side in ("yes_bid", "yes_ask", "no_bid", "no_ask")] == [
        "0.0000",
        "1.0000",
        "0.0000",
        "1.0000",
    ]


@pytest.mark.parametrize(
    ("case", "method", "path"),
    [
        ("markets__limit_over_max", "GET", "/markets?limit=1001"),
        (
            "orders__cancel_unknown_id",
            "DELETE",
            "/portfolio/events/orders/00000000-0000-0000-0000-000000000000",
        ),
        ("settlements__page", "GET", "/portfolio/settlements?limit=10"),
        ("series__fee_changes", "GET", "/series/fee_changes"),
        ("account__limits", "GET", "/account/limits"),
    ],
)
def test_answers_equal_the_recorded_bytes_of_meaning(
    client: Client, case: str, method: str, path: str
) -> None:
    expected = recorded(case)

    answer = client(method, BASE + path)

    assert (answer.status_code, answer.json()) == (expected["status"], expected["response_body"])


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("orders__insufficient_balance", {"price": "0.99", "count": "10099.00"}),
        ("orders__invalid_price_structure", {"price": "0.5150", "count": "1.00"}),
        ("orders__post_only_cross", {"price": "0.99", "count": "1.00", "post_only": True}),
        ("orders__numeric_field_types", {"price": 0.01, "count": 1}),
    ],
)
def test_refusals_of_a_create_equal_the_recorded_ones(
    client: Client, case: str, changes: dict[str, Any]
) -> None:
    expected = recorded(case)

    answer = client.create(
        "bid", changes.pop("price"), changes.pop("count"), time_in_force="good_till_canceled", **changes
    )

    assert (answer.status_code, answer.json()) == (expected["status"], expected["response_body"])


def test_a_duplicate_client_id_answers_the_recorded_409(client: Client) -> None:
    client.create("bid", "0.01", client_order_id="same", time_in_force="good_till_canceled")

    answer = client.create("bid", "0.01", client_order_id="same", time_in_force="good_till_canceled")

    expected = recorded("orders__duplicate_client_order_id")
    assert (answer.status_code, answer.json()) == (409, expected["response_body"])


def test_portfolio_paths_refuse_unsigned_and_forged_requests(client: Client) -> None:
    unsigned = client.http.get(f"{BASE}/portfolio/balance")
    forged = client.http.get(
        f"{BASE}/portfolio/balance",
        headers={
            "KALSHI-ACCESS-KEY": client._key_id,
            "KALSHI-ACCESS-TIMESTAMP": str(int(datetime.fromisoformat(AT_CAPTURE).timestamp() * 1000)),
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(bytes(64)).decode(),
        },
    )

    assert unsigned.json() == recorded("auth__missing_signature_header")["response_body"]
    assert forged.json() == recorded("auth__bad_signature")["response_body"]
    assert unsigned.status_code == forged.status_code == 401


def test_the_old_order_path_is_gone(client: Client) -> None:
    answer = client("POST", f"{BASE}/portfolio/orders", json={"ticker": TICKER})

    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "deprecated_v1_order_endpoint")


def test_paging_reads_each_fill_once_and_a_garbage_cursor_restarts(client: Client) -> None:
    for _ in range(5):
        assert client.create("bid", "0.99", "0.01").status_code == 201
    ids, cursor = [], ""
    while True:
        page = client.get(f"/portfolio/fills?limit=2&cursor={cursor}")
        ids += [row["fill_id"] for row in page["fills"]]
        cursor = page["cursor"]
        if not cursor:
            break

    assert len(ids) == len(set(ids)) == 5
    garbage = client.get("/portfolio/fills?limit=2&cursor=garbage")
    assert [row["fill_id"] for row in garbage["fills"]] == ids[:2]


def test_the_ledger_tells_the_truth_and_the_balance_agrees(client: Client) -> None:
    answer = client.create("bid", "0.99", "2.00").json()

    ledger, balance = client.http.get("/sim/ledger").json(), client.get("/portfolio/balance")

    cost = Decimal(answer["average_fill_price"]) * 2 + Decimal(ledger["fills"][0]["fee_cost"])
    assert Decimal(ledger["cash_dollars"]) == 5000 - cost == Decimal(balance["balance_dollars"])
    assert balance["balance"] == int(Decimal(balance["balance_dollars"]) * 100)
    assert [row["order_id"] for row in ledger["fills"]] == [answer["order_id"]]


def test_cancel_all_ends_every_resting_order(client: Client) -> None:
    for _ in range(3):
        client.create("bid", "0.01", time_in_force="good_till_canceled")

    answer = client("DELETE", ORDERS)

    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/portfolio/orders?status=resting")["orders"] == []
    assert len(client.get("/portfolio/orders?status=canceled")["orders"]) == 3


def test_the_clock_moves_forward_only_and_dates_every_answer(client: Client) -> None:
    back = client.http.post("/sim/clock", json={"now": "2026-07-16T01:29:15Z"})
    wrong = client.http.post("/sim/clock", json={"now": "tomorrow"})
    shown = client.http.get("/sim/clock")

    assert (back.status_code, wrong.status_code) == (409, 400)
    assert shown.json() == {
        "world": "july2026",
        "now": "2026-07-16T01:29:16.000000Z",
        "speed": 0.0,
        "frozen": True,
    }
    assert shown.headers["date"] == "Thu, 16 Jul 2026 01:29:16 GMT"


def test_requests_are_counted_by_path_with_signed_and_order_calls_apart(
    client: Client, tmp_path: Path
) -> None:
    client.http.get(f"{BASE}/markets")
    client.get("/portfolio/balance")
    client.create("bid", "0.01")

    report = client.http.get("/sim/requests").json()

    assert report["order_path"] == 1
    assert report["signed"] == 2
    counted = {(row["method"], row["path"]): row["count"] for row in report["requests"]}
    assert counted["GET", f"{BASE}/markets"] == 1


def test_an_access_log_holds_paths_and_times_but_no_header(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    client = start(log=log)
    client.step(AT_CAPTURE)
    client.get("/portfolio/balance")

    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]

    assert rows[-1] == {
        "method": "GET",
        "path": f"{BASE}/portfolio/balance",
        "status": 200,
        "at": "2026-07-16T01:29:16+00:00",
    }


def faulty(start: Start, tmp_path: Path, kind: str) -> Client:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"on": "create", "nth": 1, "do": kind}]))
    client = start(faults=path)
    client.step(AT_CAPTURE)
    return client


@pytest.mark.parametrize(
    ("kind", "error", "orders"),
    [
        ("timeout_before_accept", httpx.ReadTimeout, 0),
        ("timeout_after_accept", httpx.ReadTimeout, 1),
        ("drop_connection", (httpx.RemoteProtocolError, httpx.ReadError), 0),
    ],
)
def test_an_unanswered_create_has_happened_or_not_as_the_fault_says(
    start: Start, tmp_path: Path, kind: str, error: type[Exception] | tuple[type[Exception], ...], orders: int
) -> None:
    client = faulty(start, tmp_path, kind)
    client.http.timeout = httpx.Timeout(0.3)

    with pytest.raises(error):
        client.create("bid", "0.99")

    client.http.timeout = httpx.Timeout(10)
    assert len(client.get("/portfolio/orders")["orders"]) == orders
    assert client.http.get("/sim/faults").json()["faults"][0]["fired"] == 1
    assert client.create("bid", "0.99").status_code == 201


@pytest.mark.parametrize(
    ("kind", "status", "orders"),
    [("http_500", 500, 0), ("http_500_after_accept", 500, 1), ("http_429", 429, 0), ("html_body", 200, 1)],
)
def test_a_wrongly_answered_create_has_happened_or_not_as_the_fault_says(
    start: Start, tmp_path: Path, kind: str, status: int, orders: int
) -> None:
    client = faulty(start, tmp_path, kind)

    answer = client.create("bid", "0.99")

    assert answer.status_code == status
    assert len(client.get("/portfolio/orders")["orders"]) == orders
    if kind == "http_429":
        assert answer.json() == {"error": "too many requests"}


def test_rendered_envelopes_are_marked_and_portfolio_answers_are_not(client: Client) -> None:
    public = client.http.get(f"{BASE}/markets/{TICKER}")
    weather = client.http.get("/stations/KNYC/observations/latest")
    private = client("GET", f"{BASE}/portfolio/balance")

    assert public.headers["x-milkbot-rendered"] == weather.headers["x-milkbot-rendered"] == "envelope"
    assert "x-milkbot-rendered" not in private.headers


SERVED = (
    *("/series", "/series/{series_ticker}", "/series/fee_changes", "/events", "/events/{event_ticker}"),
    *("/events/fee_changes", "/markets", "/markets/{ticker}", "/markets/{ticker}/orderbook"),
    *("/markets/orderbooks", "/exchange/status", "/exchange/schedule", "/exchange/user_data_timestamp"),
    *("/portfolio/balance", "/portfolio/orders", "/portfolio/orders/{order_id}", "/portfolio/fills"),
    *("/portfolio/positions", "/portfolio/settlements", "/portfolio/deposits", "/portfolio/withdrawals"),
    *("/historical/orders", "/historical/fills", "/historical/markets", "/historical/cutoff"),
    *("/account/limits", "/account/endpoint_costs", "/portfolio/events/orders"),
    "/portfolio/events/orders/{order_id}",
)
CASES = int(os.environ.get("API_CASES", "5"))


def served() -> list[tuple[str, str, GenerationMode]]:
    """Every operation of the exchange's description that is served, as it allows it and, where it names
    anything beside the path's free texts, as it forbids it.
    """
    found = []
    for path in SERVED:
        for method in description()["paths"][path].keys() & {"get", "post", "delete"}:
            asked = description()["paths"][path][method]
            named = [_resolved(p)["in"] for p in asked.get("parameters", ())]
            found.append((method, path, GenerationMode.POSITIVE))
            if "query" in named or "requestBody" in asked:
                found.append((method, path, GenerationMode.NEGATIVE))
    return sorted(found)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One simulator for all questions: what one leaves behind must not harm the next."""
    with running(tmp_path_factory.mktemp("asked")) as ready:
        made = Client(ready)
        made.step(AT_CAPTURE)
        yield made
        made.http.close()


def _resolved(parameter: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in parameter:
        return parameter
    known: dict[str, Any] = description()["components"]["parameters"]
    named: dict[str, Any] = known[parameter["$ref"].rpartition("/")[2]]
    return named


@pytest.mark.parametrize(("method", "path", "mode"), served())
def test_a_request_the_description_allows_or_forbids_is_answered_as_it_says(
    asked: Client, method: str, path: str, mode: GenerationMode
) -> None:
    """``make fuzz`` asks more. An answer has its schema, a refusal is one, nothing fails."""
    operation = schemathesis.openapi.from_dict(description())[path][method.upper()]
    answers = set()

    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
        kept = {"params": "params", "json": "json", "data": "content"}
        words = {kept[name]: sent[name] for name in kept if sent.get(name) is not None}
        answer = asked(method.upper(), BASE + case.formatted_path, **words)
        answers.add(answer.status_code)
        if answer.status_code in (200, 201):
            (schema,) = operation.definition.raw["responses"][str(answer.status_code)]["content"].values()
            conforms(schema["schema"]["$ref"].rpartition("/")[2], answer.json())
        elif answer.status_code != 204:
            assert answer.status_code in (400, 401, 403, 404, 405, 409, 410), answer.text
            assert answer.json()

    ask()
    assert answers
    conforms("GetBalanceResponse", asked.get("/portfolio/balance"))
