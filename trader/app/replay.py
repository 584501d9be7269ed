"""Recompute stored decisions from stored rows and compare bytes."""

from dataclasses import dataclass
from datetime import datetime

from trader.core.cycle import plan_cycle
from trader.domain.canonical import canonical_json, content_hash
from trader.ports.ops_store import OpsStore


@dataclass(frozen=True)
class ReplayResult:
    """How many stored decisions were recomputed, how many were identical, and the differences in words."""

    cycles: int
    identical: int
    signals: int
    differences: tuple[str, ...]


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
        inputs = store.cycles.load_inputs(row.cycle_id)
        if content_hash(inputs) != row.inputs_hash:
            differences.append(f"cycle {row.cycle_id}: stored rows do not give the stored inputs hash")
            continue
        plan = plan_cycle(inputs)
        signals += len(plan.signals)
        if content_hash(plan) != row.plan_hash:
            differences.append(
                f"cycle {row.cycle_id}: the recomputed plan has another hash than the stored one"
            )
        elif canonical_json(plan) != canonical_json(store.cycles.load_plan(row.cycle_id)):
            differences.append(f"cycle {row.cycle_id}: the stored rows differ from the recomputed plan")
        else:
            identical += 1
    return ReplayResult(cycles=cycles, identical=identical, signals=signals, differences=tuple(differences))
