"""The plan of faults: when one strikes, how it is counted, what a fault file may say."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trader.domain.errors import ConfigurationError
from trader.simulator.fault_kinds import ABOUT, Layer
from trader.simulator.faults import OPERATIONS, Fault, FaultKind, Faults, load_faults

NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)


def test_a_fault_hits_the_nth_call_of_its_operation_once() -> None:
    faults = Faults([Fault("create", 2, FaultKind.HTTP_500)])

    hits = [faults.next(name, NOW) for name in ("create", "read_fills", "create", "create")]

    assert [hit and hit.kind for hit in hits] == [None, None, FaultKind.HTTP_500, None]
    assert faults.report() == {
        "faults": [{"on": "create", "nth": 2, "do": "http_500", "fired": 1}],
        "calls": {"create": 3, "read_fills": 1},
    }


def test_a_fault_by_rate_strikes_within_its_window_and_the_same_calls_for_one_seed() -> None:
    def struck(seed: int) -> list[int]:
        end = NOW + timedelta(minutes=50)
        faults = Faults([Fault("read_*", 0, FaultKind.HTTP_429, rate=0.4, start=NOW, end=end)], seed)
        at = [NOW + timedelta(minutes=number) for number in range(-10, 100)]
        return [number for number, when in enumerate(at) if faults.next("read_fills", when)]

    assert struck(1) == struck(1) != struck(2)
    assert all(10 <= number < 60 for number in struck(1))
    assert 8 < len(struck(1)) < 32


def test_every_kind_has_a_number_of_the_fault_model_and_a_meaning() -> None:
    assert set(ABOUT) == set(FaultKind)
    covered = {about.model for about in ABOUT.values()}
    assert covered == {f"E{n}" for n in range(1, 21)} | {f"W{n}" for n in range(1, 9)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '[{"on":"create","nth":1,"do":"explode"}]',
            "do: expected one of timeout_before_accept.*found 'explode'",
        ),
        (
            '[{"on":"launch","nth":1,"do":"http_500"}]',
            "on: expected one of cancel, .*found 'launch'",
        ),
        ('[{"on":"create","nth":0,"do":"http_500"}]', "nth: expected a number from 1, found 0"),
        ('[{"do":"http_500"}]', "row 1: expected do and on"),
        ('[{"on":"create","do":"http_500","every":2}]', "row 1: expected do and on"),
        ('[{"on":"create","do":"http_500","rate":2}]', "rate: expected 0 to 1, found 2"),
        ('[{"on":"create","do":"http_500","rate":"x"}]', "rate: expected a number, found 'x'"),
        ('[{"on":"create","do":"http_500","from":"noon"}]', "from: expected an instant .* found 'noon'"),
        ('[{"on":"create","do":"http_500","until":"2026-07-16T12:00"}]', "until: expected an instant"),
        ('[{"on":"","do":"late_fill"}]', "on: expected a name or pattern, found ''"),
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
        load_faults(path)


def test_every_kind_can_be_planned(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    rows = [
        {"on": "*", "do": kind, "rate": 0.5, "from": "2026-07-16T00:00Z", "value": 2} for kind in FaultKind
    ]
    path.write_text(json.dumps(rows))

    planned = load_faults(path)

    assert [fault.kind for fault in planned] == list(FaultKind)
    assert {(fault.rate, fault.value, fault.start.hour) for fault in planned} == {(0.5, 2.0, 0)}


def test_a_lasting_fault_chooses_the_same_subjects_whenever_it_is_asked() -> None:
    fault = Fault("KXHIGH*", 0, FaultKind.DISPUTE, rate=0.5)
    faults = Faults([fault], seed=3)
    names = [f"KXHIGHNY-{number}" for number in range(40)]

    chosen = [name for name in names if faults.is_chosen(fault, name)]

    assert chosen == [name for name in reversed(names) if faults.is_chosen(fault, name)][::-1]
    assert 8 < len(chosen) < 32
    assert not faults.is_chosen(fault, "KXLOWTNYC-1")


def test_state_faults_never_strike_a_call() -> None:
    lasting = [Fault("*", 0, kind) for kind, about in ABOUT.items() if about.layer is Layer.STATE]

    assert all(Faults(lasting).next(name, NOW) is None for name in OPERATIONS)
