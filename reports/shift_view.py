"""What tables and charts show of a shift: how far visited states are from those of a reference.

The fields are those of the report of ``agents.shift.analyzer``, one by one. NaN stands for a number that is not known.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["ActionRow", "FeatureRow", "MeasureRow", "NoveltyRow", "ShiftView", "WindowRow"]

NAN = math.nan


@dataclass(frozen=True)
class MeasureRow:
    """One measure over all features: its ``value`` in ``unit``, the interval ``low`` to ``high``, a ``p`` of no shift,
    and in words what it ``says``."""

    name: str
    value: float
    low: float = NAN
    high: float = NAN
    p: float = NAN
    unit: str = ""
    says: str = ""


@dataclass(frozen=True)
class FeatureRow:
    """One feature: its mean in the reference and where it was visited; ``drift`` of the mean and ``distance``
    (Wasserstein) in standard deviations of the reference, each with an interval; ``index``: population stability; ``p``
    of no shift."""

    feature: str
    reference_mean: float
    visited_mean: float
    drift: float
    drift_low: float
    drift_high: float
    distance: float
    distance_low: float
    distance_high: float
    index: float
    p: float


@dataclass(frozen=True)
class WindowRow:
    """A window of the visited states from ``start`` to ``end`` (nanoseconds UTC): mean distance of all features, with
    an interval, and the share of decisions at which the learner was not with the expert."""

    start: int
    end: int
    rows: int
    distance: float
    low: float
    high: float
    disagreement: float = NAN


@dataclass(frozen=True)
class ActionRow:
    """One class of actions: its share in the reference and where it was visited, and the ``change`` of its probability
    at matched states, with an interval."""

    action: str
    reference: float
    visited: float
    change: float
    low: float
    high: float


@dataclass(frozen=True)
class NoveltyRow:
    """Visited states by how foreign they look, from the most familiar on: ``foreign`` is the mean probability that a
    classifier gives to their being visited ones; ``disagreement`` there, with an interval."""

    rows: int
    foreign: float
    disagreement: float
    low: float
    high: float


@dataclass(frozen=True)
class ShiftView:
    """``visited`` states against those of a ``reference``. ``usual``: what the mean distance of a window stays below 19
    times out of 20 without a shift. ``block``: consecutive rows that are taken to belong together. ``notes``: what was
    left out or thinned, in words."""

    reference: str
    visited: str
    reference_rows: int
    visited_rows: int
    block: int
    level: float
    measures: tuple[MeasureRow, ...]
    features: tuple[FeatureRow, ...]
    windows: tuple[WindowRow, ...] = ()
    usual: float = NAN
    actions: tuple[ActionRow, ...] = ()
    novelty: tuple[NoveltyRow, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: Any) -> ShiftView:
        """Of a ``ShiftReport`` of ``agents.shift``."""
        found = asdict(report)
        kinds = {"measures": MeasureRow, "features": FeatureRow, "windows": WindowRow, "actions": ActionRow}
        for name, kind in {**kinds, "novelty": NoveltyRow}.items():
            found[name] = tuple(kind(**row) for row in found[name])
        return cls(**found)
