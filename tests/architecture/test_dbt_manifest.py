"""Rules of the warehouse's layers, read from dbt's own manifest and files: no database is asked."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from trader.app.rollup import PROJECT, ROOT
from trader.domain.constants import PUBLIC_TRADE_DELAY_MIN
from trader.domain.types import Component, ComponentStatus, TradingMode

CHOKE = "model.milkbot.int_trades__disclosed_fills"
FILLS = "model.milkbot.stg_ops__fills"
UNDELAYED = {  # what trades move at once
    *("fills", "positions", "profit_totals", "order_events", "epochs"),
    *("trading_state", "halts", "risk_events", "alarms"),
}
STARTED = "model.milkbot.int_rollups__started"
FINISHED = "model.milkbot.int_rollups__finished"
KEYLESS = ("v_public_trades", "signal_explanations", "anomalies")  # two equal things are two equal rows
Node = dict[str, Any]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Parse the project; parsing opens no connection, so the password may be anything."""
    home = tmp_path_factory.mktemp("dbt")
    (home / "profiles.yml").write_text((ROOT / "profiles.yml.example").read_text())
    command = [
        sys.executable,
        "-m",
        "dbt.cli.main",
        "--no-version-check",
        "parse",
        "--project-dir",
        str(PROJECT),
    ]
    command += ["--profiles-dir", str(home), "--target-path", str(home / "target"), "--log-path", str(home)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DBT_ENV_SECRET_PASSWORD": "none",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout, done.stdout
    parsed: dict[str, Any] = json.loads((home / "target/manifest.json").read_text())
    return parsed


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, Node]:
    return {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def parents(models: dict[str, Node], name: str) -> list[str]:
    found: list[str] = models[name]["depends_on"]["nodes"]
    return found


def upstream(models: dict[str, Node], name: str, without: str) -> set[str]:
    """All that ``name`` can read by any path that does not go through ``without``."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        new = set(parents(models, current) if current in models else ()) - reached - {without}
        reached |= new
        waiting += new
    return reached


def tables(models: dict[str, Node]) -> list[str]:
    return [name for name, node in models.items() if node["config"]["materialized"] == "incremental"]


def layer(node: Node) -> str:
    found: str = node["fqn"][1]
    return found


@pytest.mark.story("5.4")
def test_every_public_relation_reaches_fills_through_the_choke_point_only(models: dict[str, Node]) -> None:
    public = [name for name, node in models.items() if node["schema"] == "analytics"]

    assert len(public) == 18
    assert FILLS in upstream(models, CHOKE, without="")
    for name in public:
        around = {read.removeprefix("model.milkbot.stg_ops__") for read in upstream(models, name, CHOKE)}
        assert not around & UNDELAYED, f"{name} reads around the choke point"


@pytest.mark.story("5.4")
def test_a_path_around_the_choke_point_would_be_found(models: dict[str, Node]) -> None:
    leaky = {**models, "leak": {"depends_on": {"nodes": ["model.milkbot.op_equity_tie_out"]}}}

    assert FILLS in upstream(leaky, "leak", without=CHOKE)


@pytest.mark.story("2.8")
def test_only_public_marts_are_granted_to_the_public_role_and_to_no_one_else(models: dict[str, Node]) -> None:
    for name, node in models.items():
        expected = {"select": ["milkbot_dashboard"]} if node["schema"] == "analytics" else {}
        assert node["config"]["grants"] == expected, name


def test_sources_are_read_in_staging_only_and_staging_only_renames(models: dict[str, Node]) -> None:
    for name, node in models.items():
        sources = [parent for parent in parents(models, name) if parent.startswith("source.")]
        assert bool(sources) == (layer(node) == "staging"), name
        if layer(node) == "staging":
            assert parents(models, name) == sources
            assert len(sources) == 1
            assert not re.search(r"\b(join|where|group|distinct|union)\b", node["raw_code"]), name


def test_every_table_of_ops_is_a_source_with_one_staging_view(manifest: dict[str, Any]) -> None:
    migrations = "".join(path.read_text() for path in (ROOT / "migrations").glob("*.sql"))
    tables = set(re.findall(r"create table ops\.(\w+)", migrations))
    staged = {
        node["depends_on"]["nodes"][0].rsplit(".", 1)[1]: node["name"].removeprefix("stg_ops__")
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and layer(node) == "staging"
    }

    assert len(tables) > 30
    assert staged == {table: table for table in tables}


def test_no_view_stands_on_a_table_and_nothing_is_a_table(models: dict[str, Node]) -> None:
    kinds = {name: node["config"]["materialized"] for name, node in models.items()}

    assert set(kinds.values()) == {"view", "incremental"}
    for name in tables(models):
        config = models[name]["config"]
        assert config["on_schema_change"] == "fail", name
        # what our incremental materialization does not know
        assert (config["pre-hook"], config["post-hook"], config["contract"]["enforced"]) == ([], [], False)


def test_no_table_writes_out_a_relation_that_it_reads_twice(models: dict[str, Node]) -> None:
    """Postgres writes a CTE that is used twice out whole, and a refresh would cost what history is long."""
    imported = r"(?ms)^(\w+) as (not materialized )?\(\s*select \*\s+from (\{\{ ref\(.*?)\),?$"
    seen = 0
    for name in tables(models):
        code = re.sub(r"--.*|\{#.*?#\}", "", models[name]["raw_code"])
        for cte, is_looked_through, body in re.findall(imported, code):
            uses = len(re.findall(rf"\b(?:from|join) {cte}\b", code))
            assert uses == 1 or is_looked_through or "changed_since()" in body, f"{name}: {cte}"
            seen += 1
    assert seen > 30


def test_every_mart_is_a_view_so_that_no_system_column_tells_when_a_row_was_written(
    models: dict[str, Node],
) -> None:
    for name, node in models.items():
        if layer(node) == "marts":
            assert node["config"]["materialized"] == "view", name


def test_all_tables_of_a_run_share_its_instant_and_views_ask_the_clock(models: dict[str, Node]) -> None:
    for name, node in models.items():
        is_of_run = name in tables(models) and name != STARTED
        code = re.sub(r"--.*", "", node["raw_code"])
        assert not (is_of_run and re.search(r"\b(as_of|disclosed_until)\(", code)), name
        assert is_of_run or not re.search(r"\b(run_as_of|run_disclosed_until|changed_since)\(", code), name


def test_a_run_has_finished_only_when_all_its_tables_are_written(models: dict[str, Node]) -> None:
    before = upstream(models, FINISHED, without="")

    for name in set(tables(models)) - {FINISHED, STARTED}:
        assert name in before, f"{name} is not upstream of {FINISHED}: name it there"
        assert (
            STARTED in upstream(models, name, without="") or "changed_since" not in models[name]["raw_code"]
        )


def test_rows_of_tables_are_written_in_an_order_that_only_their_values_decide(
    models: dict[str, Node],
) -> None:
    for name in set(tables(models)) - {FINISHED, STARTED}:
        last = models[name]["raw_code"].rsplit("\n)\n", 1)[-1]
        assert "order by" in last, f"{name}: the order of its rows could tell what else was in the database"


def test_every_mart_has_contract_group_description_columns_and_a_key_test(
    manifest: dict[str, Any], models: dict[str, Node]
) -> None:
    keyed = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") in ("unique", "has_unique_rows", "has_row_count")
    }
    exposed = {name for item in manifest["exposures"].values() for name in item["depends_on"]["nodes"]}
    for name, node in models.items():
        assert node["description"], f"{name} has no description"
        if layer(node) != "marts":
            continue
        assert node["config"]["contract"]["enforced"], name
        assert node["config"]["group"], name
        assert re.match(r"One row", node["description"].strip()), name
        assert all(c["description"] and c["data_type"] for c in node["columns"].values()), name
        assert name in keyed or node["name"] in KEYLESS, f"{name} has no key test"
        assert name in exposed or node["schema"] == "analytics_operator", f"{name} is shown nowhere"


@pytest.mark.story("5.4")
def test_the_two_tests_of_the_card_are_there_and_run_with_every_refresh(manifest: dict[str, Any]) -> None:
    for name in ("assert_public_trades_delayed", "assert_public_columns_redacted"):
        assert f"test.milkbot.{name}" in manifest["nodes"]
        assert name in (PROJECT / "selectors.yml").read_text()


def test_time_enters_through_the_one_macro() -> None:
    texts = {path: path.read_text() for path in PROJECT.rglob("*.sql")}

    for path, text in texts.items():
        if path.name != "as_of.sql":
            code = re.sub(r"--.*", "", text)
            assert not re.search(
                r"\b(now|current_date|current_timestamp|clock_timestamp|run_started_at)\b", code
            ), path


def test_constants_of_the_models_equal_the_ones_of_the_trader(manifest: dict[str, Any]) -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    accepted = {
        (node["attached_node"].split(".")[-1], node["column_name"]): set(
            node["test_metadata"]["kwargs"]["values"]
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "accepted_values"
    }

    assert project["vars"]["public_trade_delay_min"] == PUBLIC_TRADE_DELAY_MIN
    assert accepted["v_health_summary", "component"] == set(Component)
    assert accepted["v_health_summary", "status"] == set(ComponentStatus)
    assert accepted["v_public_trades", "mode"] == set(TradingMode)


def test_no_package_is_downloaded() -> None:
    assert not [path.name for path in PROJECT.iterdir() if path.name in ("packages.yml", "dependencies.yml")]
