"""Recompute stored decisions from stored rows and compare bytes."""

from dataclasses import dataclass
from datetime import datetime

from trader.core.cycle import plan_cycle
from trader.domain.canonical import canonical_json, content_hash
from trader.domain.plan import CycleInputs, CyclePlan
from trader.ports.ops_store import OpsStore


@dataclass(frozen=True)
class ReplayResult:
    """How many stored decisions were recomputed, how many were identical, and the differences in words."""

    cycles: int
    identical: int
    signals: int
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A decision made again; ``plan`` is None when the inputs are not the stored ones.

    ``difference`` is what is not as stored, in words, None when both hashes are.
    """

    plan: CyclePlan | None
    difference: str | None


def recompute(inputs: CycleInputs, inputs_hash: str, plan_hash: str) -> Recomputed:
    """Make one decision again and hold both hashes against the stored ones. Needs no database."""
    if content_hash(inputs) != inputs_hash:
        return Recomputed(None, "stored rows do not give the stored inputs hash")
    plan = plan_cycle(inputs, inputs_hash=inputs_hash)
    is_same = content_hash(plan) == plan_hash
    return Recomputed(plan, None if is_same else "the recomputed plan has another hash than the stored one")


def replay(store: OpsStore, since: datetime | None = None) -> ReplayResult:
    """Replay every stored decision since an instant.

    For each cycle: the inputs rebuilt from rows must hash to the stored hash, and the plan recomputed from
    them must equal the plan rebuilt from rows, byte for byte, and hash to the stored plan hash.
    """
    cycles = identical = signals = 0
    differences: list[str] = []
    for row in store.cycles.list(since):
        if row.inputs_hash is None or row.plan_hash is None:
            continue
        cycles += 1
        found = recompute(store.cycles.load_inputs(row.cycle_id), row.inputs_hash, row.plan_hash)
        signals += len(found.plan.signals) if found.plan is not None else 0
        if found.plan is None or found.difference is not None:
            differences.append(f"cycle {row.cycle_id}: {found.difference}")
        elif canonical_json(found.plan) != canonical_json(store.cycles.load_plan(row.cycle_id)):
            differences.append(f"cycle {row.cycle_id}: the stored rows differ from the recomputed plan")
        else:
            identical += 1
    return ReplayResult(cycles=cycles, identical=identical, signals=signals, differences=tuple(differences))
