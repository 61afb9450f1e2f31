"""What a comparison of states found, as plain values; the fields are those of ``reports.shift_view``, one by one.

Times are nanoseconds UTC. NaN stands for what could not be said; inf for a divergence that no sample bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["ActionRow", "FeatureRow", "MeasureRow", "NoveltyRow", "ShiftReport", "WindowRow"]

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
    of no shift (permutation of blocks, of the distance)."""

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
    """A window of the visited states from ``start`` to ``end``: mean distance of all features, with an interval, and
    the share of decisions at which what was done is not what the expert wanted."""

    start: int
    end: int
    rows: int
    distance: float
    low: float
    high: float
    disagreement: float = NAN


@dataclass(frozen=True)
class ActionRow:
    """One class of what the expert wants: its share in the reference and where it was visited, and the ``change`` of
    its probability at matched states, with an interval."""

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
class ShiftReport:
    """``visited`` states against those of a ``reference``. ``usual``: what the mean distance of a window stays below 19
    times out of 20 among windows of the reference. ``block``: consecutive rows that are taken to belong together.
    ``notes``: what was left out or thinned, in words."""

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

    def measure(self, name: str) -> MeasureRow:
        """The measure of that name. Raises KeyError."""
        for each in self.measures:
            if each.name == name:
                return each
        raise KeyError(f"{name}: there are {', '.join(each.name for each in self.measures)}")

    def table(self) -> list[tuple[str, ...]]:
        """Rows of text for a terminal, the first one a head: every measure, then every feature by its distance."""
        rows: list[tuple[str, ...]] = [("", "value", f"{self.level:.0%} interval", "p")]
        for each in self.measures:
            value = f"{each.value:.3f} {each.unit}".rstrip()
            rows.append((each.name, value, _between(each.low, each.high), _known(each.p)))
        for feature in sorted(self.features, key=lambda one: -one.distance):
            between = _between(feature.distance_low, feature.distance_high)
            rows.append((feature.feature, f"{feature.distance:.3f} sd", between, _known(feature.p)))
        return rows


def _known(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _between(low: float, high: float) -> str:
    return f"{low:.3f} to {high:.3f}" if math.isfinite(low) and math.isfinite(high) else "-"
