"""What the page of `halfspread train` shows: who was imitated, from what, how faithfully, and what it costs.

Plain values that any layer can fill. Times are nanoseconds UTC; shares and probabilities go from 0 to 1; money is in
report currency and signed, a cost is negative; NaN stands for a number that is not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from halfspread.reports.measured import measured
from halfspread.reports.metrics import json_safe
from halfspread.reports.protocol import ATTRIBUTION, ResultLike
from halfspread.reports.shift_view import ShiftView

__all__ = [
    "Calibration",
    "Fidelity",
    "FitView",
    "ModelFile",
    "Money",
    "Party",
    "RoundView",
    "Rows",
    "TrainingView",
    "entry",
]

NAN = math.nan


@dataclass(frozen=True)
class Party:
    """An expert or a learner: its name, the type of its agent, and its parameters."""

    name: str
    kind: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Rows:
    """A part of the data: ``start`` to ``end`` of ``instrument``; ``rows`` are decisions, ``bars`` what was replayed,
    ``labels`` how often the expert wanted each class (its target as text), ``episodes`` how many runs."""

    instrument: str
    start: int
    end: int
    rows: int
    bars: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    episodes: int = 1


@dataclass(frozen=True)
class Calibration:
    """One bin of a calibration curve: of so many ``rows`` the mean probability that the learner gave to its choice
    (``stated``), and the share in which the expert chose the same (``found``)."""

    rows: int
    stated: float
    found: float


@dataclass(frozen=True)
class FitView:
    """``training`` and ``validation`` loss of every epoch (the second is empty where none was set aside);
    ``best_epoch`` counts from 1; ``temperature`` divides the logits; ``calibration`` at the expert's states, held out,
    and its ``calibration_error`` (mean distance between stated and found, by rows); ``seconds`` that it took."""

    training: tuple[float, ...]
    validation: tuple[float, ...] = ()
    best_epoch: int = 0
    temperature: float = 1.0
    calibration: tuple[Calibration, ...] = ()
    calibration_error: float = NAN
    seconds: float = NAN


@dataclass(frozen=True)
class RoundView:
    """One round of aggregation: ``beta``, the probability that the expert acts; ``labels`` asked for so far;
    ``disagreement`` of the learner before it at the states of the round; ``judged`` by itself on fresh data, with a
    standard error; ``best``: the round that is kept."""

    number: int
    beta: float
    labels: int
    disagreement: float = NAN
    judged: float = NAN
    judged_error: float = NAN
    best: bool = False


@dataclass(frozen=True)
class Fidelity:
    """How faithful the learner is on data held out.

    ``agreement``: with the expert at the expert's own states. ``disagreement``: at the states that the learner comes to
    when it acts alone, with the interval ``low`` to ``high`` (block bootstrap, ``level``). ``missed``: of the
    ``changes`` of what was in force that the expert wanted there, the share that the learner never made. ``apart``:
    share of decisions at which it wants something else than the expert in its own run through the same data.
    ``confusion``: a row for
    each class that the expert wanted, a column for each that the learner chose, on the learner's own trajectory;
    ``classes`` names them. ``regret``: what the expert made and the learner did not, in ``regret_unit``.
    """

    agreement: float
    disagreement: float
    low: float = NAN
    high: float = NAN
    level: float = 0.95
    decisions: int = 0
    changes: int = 0
    missed: float = NAN
    apart: float = NAN
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    regret: float = NAN
    regret_error: float = NAN
    regret_unit: str = ""


@dataclass(frozen=True)
class Money:
    """What an agent made after all costs: ``parts`` of the attribution by name; ``turnover`` in multiples of
    ``notional``, ``max_drawdown`` as a share of it."""

    name: str
    parts: Mapping[str, float]
    turnover: float
    fills: int
    max_drawdown: float
    notional: float
    collateral: float = 0.0

    @property
    def total(self) -> float:
        """Net PnL, without what the margin coin did."""
        return math.fsum(self.parts.values())

    @classmethod
    def of(cls, result: ResultLike, name: str = "") -> Money:
        """Of a result; ``name`` instead of its own."""
        m: Mapping[str, Any] = measured(result).metrics
        return cls(
            name or result.name,
            {part: float(result.attribution[part]) for part in ATTRIBUTION},
            float(m["turnover"]),
            int(m["fills"]),
            float(m["max_drawdown"]),
            float(result.notional),
            float(result.attribution["collateral"]),
        )


@dataclass(frozen=True)
class ModelFile:
    """The file of a model: its name, size and hash; what it is made of, what it looks at, and what it has seen."""

    file: str
    bytes: int = 0
    hash: str = ""
    architecture: str = ""
    parameters: int = 0
    features: tuple[str, ...] = ()
    stack: int = 1
    trained: str = ""


@dataclass(frozen=True)
class TrainingView:
    """Everything on the page. ``method``: clone, dagger or dart. ``learnt`` from and ``judged`` on; ``embargo`` between
    the two in words. ``money``: the expert, then the learner, then others, on the judged part. ``shifts``: of the
    visited states from those learnt from. ``assumptions``: what the numbers rest on, by topic."""

    title: str
    what: str
    method: str
    expert: Party
    learner: Party
    learnt: tuple[Rows, ...]
    judged: tuple[Rows, ...]
    embargo: str
    currency: str
    fit: FitView
    fidelity: Fidelity | None = None
    rounds: tuple[RoundView, ...] = ()
    money: tuple[Money, ...] = ()
    shifts: tuple[ShiftView, ...] = ()
    model: ModelFile | None = None
    assumptions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seed: int = 0

    @property
    def labels(self) -> int:
        """How often the expert was asked."""
        return self.rounds[-1].labels if self.rounds else sum(part.rows for part in self.learnt)


def entry(view: TrainingView) -> dict[str, Any]:
    """The view as a JSON object: the fields by their names, with the ``total`` of each money line; NaN is null."""
    found: dict[str, Any] = json_safe(asdict(view))
    for line, money in zip(found["money"], view.money, strict=True):
        line["total"] = json_safe(money.total)
    return found | {"label_count": view.labels}
