"""What the public queries read of a long history: rows of each scan, measured by ``explain analyze``.

``lengthen`` copies the rows of every table that grows with time into the past, until it has ROWS of them;
``read_by`` runs everything a page or a route asks and says how many rows each scan read.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from dashboard import queries
from dashboard.bundles import TradeFilter
from dashboard.statements import NEWEST

ROWS: Final = 12_000
# A model at 1 to 100: what lists the newest 10,000 lists 100 here, and 12,000 rows stand for 1,200,000. So
# the planner chooses as for a long history, and who reads a table whole reads far more than he may.
SCALE: Final = 100
MOST: Final = 1_500  # 720 points of a line, 1,080 contracts of the days on the board
_BY_MONTH: Final = re.compile(r"_\d{6}$")  # a partition is counted with its table
# Read whole, with the reason why that stays small.
SMALL: Final = {
    "cities": "ten rows",
    "world_clock": "one row",
    "int_rollups__finished": "one row",
    "int_exposure__by_cluster": "what is open now",
    "int_forecasts__score_months": "a row a month, city and lead: months of all days, not days",
    "int_forecasts__bin_months": "a row a month and bin",
}
DAILY: Final = ("int_metrics__pnl_days", "int_metrics__closing_days")  # "All" reads a row a day and bucket
GROWING: Final = (
    *("ops.contracts", "ops.market_snapshots", "ops.weather_snapshots", "ops.predictions"),
    *("ops.health_status", "ops.cycles", "ops.market_results"),
    "analytics_intermediate.int_trades__disclosed_fills",
    "analytics_intermediate.int_equity__by_minute",
    *(f"analytics_intermediate.int_metrics__{name}_days" for name in ("city", "strategy", "pnl")),
    *(f"analytics_intermediate.int_metrics__{name}_days" for name in ("closing", "funnel", "decision")),
    "analytics_intermediate.int_advice__explanations",
    "analytics_intermediate.int_advice__anomalies",
)


def lengthen(url: str) -> dict[str, int]:
    """Give every growing table that has rows a past; return how many each has. ``url`` is the superuser's."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # no keys, no guards: rows of a past
        sizes = {name: _lengthen(connection, name) for name in GROWING}
        connection.execute("analyze")
    return sizes


def _lengthen(connection: psycopg.Connection, name: str) -> int:
    table = sql.Identifier(*name.split("."))
    count = _one(connection, sql.SQL("select count(*) from {}").format(table))
    if count == 0:
        return 0
    kinds: list[tuple[str, str]] = connection.execute(
        "select attname, format_type(atttypid, null) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = ''",
        (name,),
    ).fetchall()
    is_partitioned = _one(connection, "select relkind = 'p' from pg_class where oid = %s::regclass", name)
    # a partition holds one month; a day has one row of a kind; what meets a copy that is there is left out
    step = "1 second" if is_partitioned else "1 day" if name.endswith(("_days", "contracts")) else "5 minutes"
    changed = _must_change(connection, name, dict(kinds))
    if name == "ops.market_results":
        changed.add("ticker")  # a market has a result or two, not one a copy
    columns = [_moved(column, kind, step, is_changed=column in changed) for column, kind in kinds]
    names = sql.SQL(", ").join(sql.Identifier(column) for column, _ in kinds)
    # forty look-ups on the board: below some 15,000 contracts, 60 days, reading all of them is cheaper
    rows = 4 * ROWS if name == "ops.contracts" else ROWS
    connection.execute(
        sql.SQL(
            "insert into {table} ({names}) overriding system value select {columns} from {table} as t "
            "cross join generate_series(1, {copies}) as g on conflict do nothing"
        ).format(
            table=table,
            names=names,
            columns=sql.SQL(", ").join(columns),
            copies=sql.Literal(rows // count + 1),
        )
    )
    return int(_one(connection, sql.SQL("select count(*) from {}").format(table)))


def _must_change(connection: psycopg.Connection, name: str, kinds: Mapping[str, str]) -> set[str]:
    """Columns without which a copy would not be unique: of each unique index without a time, its last."""
    keys = connection.execute(
        "select array_agg(a.attname::text order by a.attnum) from pg_index as i "
        "join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) "
        "where i.indrelid = %s::regclass and i.indisunique group by i.indexrelid",
        (name,),
    ).fetchall()
    without_time = [
        key for (key,) in keys if not {"date", "timestamp with time zone"} & {kinds[c] for c in key}
    ]
    return {next((c for c in key if kinds[c] in {"bigint", "text"}), key[-1]) for key in without_time}


def _moved(column: str, kind: str, step: str, *, is_changed: bool) -> sql.Composable:
    """A column of copy ``g``: times are moved into the past, what must be unique is made so."""
    value = sql.SQL("t.{}").format(sql.Identifier(column))
    if kind == "timestamp with time zone":
        return value + sql.SQL(" - g * interval {}").format(sql.Literal(step))
    if kind == "date":
        return value + sql.SQL(" - cast(extract(epoch from g * interval {}) / 86400 as integer)").format(
            sql.Literal(step)
        )
    if not is_changed:
        return value
    return value + (sql.SQL(" || '-' || g") if kind == "text" else sql.SQL(" + g * 10000"))


def read_by(url: str) -> dict[str, Counter[str]]:
    """Statement -> table -> most rows that one scan of it read, of all that the page and the API ask."""
    found: dict[str, Counter[str]] = {}
    with _watched(url, found) as read:
        queries.live(read)
        queries.figures(read)
        queries.skill(read)
        queries.decisions(read)
        queries.anomalies(read)
        queries.city_metrics(read, None)
        queries.strategy_metrics(read, None)
        page = queries.page_state(read)
        assert page
        assert page.mode
        for chosen in (TradeFilter(), TradeFilter(city="NYC", result="won"), TradeFilter(before=page.as_of)):
            queries.trade_page(read, chosen, queries.PAGE_SIZE, 0)
        for span in queries.SPANS:
            queries.performance(read, span)
        queries.equity(read, page.mode, page.as_of, 3_660, 1_440)
        row = queries.board(read)[0]
        queries.path(read, row.city_code, row.market_type, row.climate_date)
    return found


@contextmanager
def _watched(url: str, found: dict[str, Counter[str]]) -> Iterator[Any]:
    """A reader that notes what each statement reads, run as the public role."""
    with psycopg.connect(url, row_factory=dict_row) as connection:

        def read(statement: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
            small = statement.replace(f"limit {NEWEST}", f"limit {NEWEST // SCALE}")
            if params and params.get("limit") == NEWEST:
                params = {**params, "limit": NEWEST // SCALE}
            asked = f"explain (analyze, timing off, format json) {small}".encode()
            (row,) = connection.execute(asked, params).fetchall()
            rows = found.setdefault(statement, Counter())
            for table, count in _scans(row["QUERY PLAN"][0]["Plan"]):
                rows[table] = max(rows[table], count)
            return connection.execute(small.encode(), params).fetchall()

        yield read


def _scans(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if "Relation Name" in node:
        passed = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        passed += node.get("Rows Removed by Index Recheck", 0)
        yield _BY_MONTH.sub("", node["Relation Name"]), round(passed * node["Actual Loops"])
    for part in node.get("Plans", ()):
        yield from _scans(part)


def _one(connection: psycopg.Connection, statement: str | sql.Composed, *params: object) -> Any:
    row = connection.execute(
        statement.encode() if isinstance(statement, str) else statement, params
    ).fetchone()
    return row and row[0]
