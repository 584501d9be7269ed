import json
from pathlib import Path

import pytest

from trader.domain.errors import ConfigurationError
from trader.simulator.faults import Fault, FaultKind, Faults, load_faults

OPERATIONS = frozenset({"create", "read_fills"})


def test_a_fault_hits_the_nth_call_of_its_operation_once() -> None:
    faults = Faults([Fault("create", 2, FaultKind.HTTP_500)])

    hits = [faults.next(name) for name in ("create", "read_fills", "create", "create")]

    assert hits == [None, None, FaultKind.HTTP_500, None]
    assert faults.report() == {
        "faults": [{"on": "create", "nth": 2, "do": "http_500", "fired": 1}],
        "calls": {"create": 3, "read_fills": 1},
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '[{"on":"create","nth":1,"do":"explode"}]',
            "do: expected one of timeout_before_accept.*found 'explode'",
        ),
        (
            '[{"on":"launch","nth":1,"do":"http_500"}]',
            "on: expected one of create, read_fills, found 'launch'",
        ),
        ('[{"on":"create","nth":0,"do":"http_500"}]', "nth: expected a number from 1, found 0"),
        ('[{"on":"create","do":"http_500"}]', "row 1: expected exactly on, nth and do"),
        ('{"on":"create"}', "expected a JSON list, found dict"),
        ("[", "expected a JSON list"),
    ],
)
def test_an_unknown_word_stops_the_start_and_names_the_known_ones(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "faults.json"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match=message):
        load_faults(path, OPERATIONS)


def test_every_kind_can_be_planned(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(
        json.dumps([{"on": "create", "nth": n, "do": kind} for n, kind in enumerate(FaultKind, 1)])
    )

    assert [fault.kind for fault in load_faults(path, OPERATIONS)] == list(FaultKind)
