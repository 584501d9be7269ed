"""What a benchmark found: a job against the primitive it is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """Times of a job and of its primitive in one run, seconds.

    ``p99_s`` is the slowest but one in a hundred where each run counts, and ``limit_s`` what it may be.
    ``max_ratio`` holds whatever the baseline says. ``notes`` are printed below the figures.
    """

    job: str
    job_s: float
    primitive_s: float
    p99_s: float | None = None
    limit_s: float | None = None
    max_ratio: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        return self.job_s / self.primitive_s
