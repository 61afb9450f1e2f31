"""Audit the agents of a config: all of a run, or a sample of it beside a comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from halfspread.configs.build import BuiltAgent, run_terms
from halfspread.configs.cell_work import decides_in_python
from halfspread.configs.costs import build_costs
from halfspread.configs.load import Loaded
from halfspread.engine.audit import Audit, Windows, audit
from halfspread.engine.tape import Tape

__all__ = ["REPLAYS", "audit_agent", "audit_object", "sample_agent", "sampled_part"]

#: An audit replays the market so many times.
REPLAYS = 4

#: A sample compares so many events from each of so many places.
PLACES, LENGTH = 5, 50

#: The sample is of the first part of a run, since it costs as much as four runs of that part; at least so many events.
PART, PART_IN_PYTHON, LEAST = 0.1, 0.02, 2_000


def audit_agent(
    loaded: Loaded,
    tape: Tape,
    built: BuiltAgent,
    report: Callable[[int], None] | None = None,
    windows: Windows | None = None,
) -> Audit:
    """Compare every decision of one agent, or those in ``windows``, with and without poison; ``report`` is called with
    the events done, of `REPLAYS` replays."""
    return audit(
        tape,
        lambda: built.anew(loaded.folder),
        build_costs(loaded.config.costs, loaded.folder, loaded.places),
        windows=windows,
        progress=report,
        **run_terms(loaded),
    )


def sample_agent(
    loaded: Loaded, tape: Tape, built: BuiltAgent, report: Callable[[int], None] | None = None
) -> Audit | None:
    """The audit of a few places that the seed of the config draws from the first part of the tape; None for a streamed
    tape, which is not held."""
    if tape.streamed:
        return None
    part = sampled_part(tape, decides_in_python(loaded, built.agent))
    if part < 1.0:
        tape = tape.slice(None, pd.Timestamp(tape.start_ns + int(part * (tape.end_ns - tape.start_ns)), tz="UTC"))
    events = max(len(tape), LENGTH)
    rng = np.random.default_rng([loaded.config.seed, 2])
    starts = np.unique(rng.integers(0, max(events - LENGTH, 1), PLACES))
    windows = Windows(tuple(int(start) for start in starts), LENGTH, int(starts[-1]) + LENGTH)
    return audit_agent(loaded, tape, built, report, windows)


def sampled_part(tape: Tape, in_python: bool) -> float:
    """Share of the events of a tape that a sample is drawn from."""
    return min(max(PART_IN_PYTHON if in_python else PART, LEAST / max(len(tape), 1)), 1.0)


def audit_object(found: Audit) -> dict[str, Any]:
    """An audit as JSON."""
    peek = found.peek
    return {
        "passed": found.passed,
        "differs": found.differs,
        "sampled": found.sampled,
        "moments": found.moments,
        "events": found.events,
        "peek": None
        if peek is None
        else {"time": peek.time, "event": peek.event, "inputs": list(peek.inputs), "poison": peek.poison},
        "text": str(found),
    }
