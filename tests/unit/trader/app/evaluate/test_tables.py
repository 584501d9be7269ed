import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trader.app.evaluate.tables import find, groups, ordinals, read
from trader.domain.errors import ConfigurationError


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_numbers_become_floats_and_what_is_missing_becomes_nan_or_empty(tmp_path: Path, name: str) -> None:
    text = "city,value,other\nNYC,1.5,x\nCHI,,\n"
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())

    table = read(tmp_path / name, ["city", "value", "other"])

    assert table["city"].tolist() == ["NYC", "CHI"]
    assert table["value"][0] == 1.5
    assert np.isnan(table["value"][1])
    assert table["other"].tolist() == ["x", ""]


def test_parquet_times_become_utc_seconds(tmp_path: Path) -> None:
    stamps = pa.array([1_700_000_000_123], pa.timestamp("ms"))
    pq.write_table(pa.table({"t": stamps, "n": [3], "s": ["a"]}), tmp_path / "a.parquet")

    table = read(tmp_path / "a.parquet", ["t", "n", "s"])

    assert table["t"].tolist() == [1_700_000_000]
    assert table["n"].tolist() == [3.0]
    assert table["s"].tolist() == ["a"]


def test_a_missing_column_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("city\nNYC\n")

    with pytest.raises(ConfigurationError, match=r"a\.csv: expected columns high_f"):
        read(tmp_path / "a.csv", ["city", "high_f"])


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "absent.csv"])
def test_a_damaged_or_absent_file_is_refused(tmp_path: Path, name: str) -> None:
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"not a table")

    with pytest.raises(ConfigurationError, match="expected a readable table"):
        read(tmp_path / name, ["city"])


def test_files_are_found_in_a_fixed_order_and_dates_become_ordinals(tmp_path: Path) -> None:
    (tmp_path / "kalshi").mkdir()
    for name in ("trades_2.parquet", "trades_1.parquet", "other.csv"):
        (tmp_path / "kalshi" / name).touch()

    assert [p.name for p in find(tmp_path, "kalshi", "trades_*")] == ["trades_1.parquet", "trades_2.parquet"]
    assert ordinals(np.array(["1970-01-01", "1970-01-02T10:00"], dtype=object)).tolist() == [719163, 719164]


def test_groups_give_each_key_its_rows() -> None:
    found = {key: rows.tolist() for key, rows in groups(np.array(["b", "a", "b"], dtype=object))}

    assert found == {"a": [1], "b": [0, 2]}
