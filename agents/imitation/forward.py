"""Forward training: one policy for each span of time (or of inventory), each learnt where the ones before it lead.

Ross and Bagnell, "Efficient Reductions for Imitation Learning" (2010), for tasks of a finite horizon: policies of
earlier spans act, then the expert shows the next span from the states that they leave, and is asked there alone. Every
policy is fitted to the states that it will meet.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.cloning import CloneSettings, clone
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.rollout import Episode
from halfspread.agents.imitation.rounds import renamed
from halfspread.agents.imitation.task import Task
from halfspread.agents.policies.model import Model, TrainingRange
from halfspread.agents.policies.policy import memory_of, observation_in
from halfspread.agents.policies.policy_kernels import look_now
from halfspread.costs.base import Floats
from halfspread.engine.instruments import Instrument
from halfspread.errors import ConfigError, UserError

if TYPE_CHECKING:
    from halfspread.engine.market import Market

__all__ = ["ForwardPolicy", "ForwardTrainer", "Spans"]


@dataclass(frozen=True)
class Spans:
    """The spans of a task by a feature: from below ``edges[0]`` to at or above ``edges[-1]``; ``falling``: the feature
    falls as time goes on, as time left and inventory do, so that the span of its largest values is the first.

    Raises ConfigError for edges that do not rise.
    """

    feature: str
    edges: tuple[float, ...]
    falling: bool = False

    def __post_init__(self) -> None:
        if not self.edges or any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ConfigError(f"spans of {self.feature}: expected edges that rise, got {self.edges}")

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.edges) + 1

    def place(self, features: FeatureSet) -> int:
        """Where the feature stands in an observation. Raises ConfigError."""
        if self.feature not in features.names:
            raise ConfigError(f"spans: {self.feature} is not among the features; there are {', '.join(features.names)}")
        return features.names.index(self.feature)

    def of(self, value: float) -> int:
        """The span of a value, from 0."""
        found = bisect_right(self.edges, value)
        return len(self.edges) - found if self.falling else found


class ForwardPolicy:
    """A policy for each span; a span in which the expert only ever wanted one thing has that. It is
    an agent, in Python; `choose` is what a rollout takes as a learner."""

    name = "forward"

    def __init__(self, features: FeatureSet, spans: Spans, parts: Sequence[Model | float], instrument: int = 0) -> None:
        self.features, self.spans, self.parts = features, spans, tuple(parts)
        self._place, self._instrument = spans.place(features), instrument

    def choose(self, observation: Floats) -> float | None:
        """The target; None in a span that has no policy yet."""
        span = self.spans.of(float(observation[self._place]))
        if span >= len(self.parts):
            return None
        part = self.parts[span]
        if isinstance(part, float):
            return part
        outputs = part.network.outputs(part.scaler(observation[None, :]))
        return float(part.targets[int(outputs[0].argmax())])

    @property
    def trained(self) -> tuple[TrainingRange, ...]:
        """What its models have seen."""
        seen = (each for part in self.parts if isinstance(part, Model) for each in part.trained)
        return tuple(dict.fromkeys(seen))

    @property
    def lookback(self) -> int:
        """As many rows as its features need."""
        return self.features.lookback

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Nothing to draw."""
        self._instruments = instruments
        self._contexts: Any = None

    def see_columns(self, columns: tuple[tuple[str, ...], ...]) -> None:
        """Lay out what it takes to look."""
        self._memory = memory_of(self.features, self._instruments, columns)

    def on_bar(self, market: Market) -> float | Sequence[float] | None:
        """Look and decide."""
        context = market._context
        if self._contexts is None:
            self._contexts = context.base.reshape(1)
        look_now(self._memory, self._contexts, market._history)
        target = self.choose(observation_in(self._memory))
        if target is None or len(self._instruments) == 1:
            return target
        targets: list[float] = context["targets"][: len(self._instruments)].tolist()
        targets[self._instrument] = target
        return targets


@dataclass
class ForwardTrainer:
    """A policy for each of ``spans``, of ``rollouts`` each; ``settings`` of every fit (without rows set aside for
    validation where its share is 0). ``labels`` counts the states at which the expert was asked: those of the span that
    is learnt. ``done`` gets the number of each span that is learnt.

    Raises ConfigError for no rollouts, and for another head than softmax.
    """

    task: Task
    settings: CloneSettings
    spans: Spans
    rollouts: int = 1
    trained: tuple[TrainingRange, ...] = ()
    done: Callable[[int], None] | None = None
    parts: list[Model | float] = field(default_factory=list, init=False)
    labels: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.rollouts < 1:
            raise ConfigError(f"forward training: expected at least one rollout for each span, got {self.rollouts}")
        if self.settings.head != "softmax":
            raise ConfigError(f"forward training: expected a softmax head, got {self.settings.head}")
        self.spans.place(self.task.features)

    def train(self) -> ForwardPolicy:
        """Learn the spans that are left, in their order. Raises what rollouts and fits raise, with the span; those
        before it are kept."""
        while len(self.parts) < self.spans.count:
            span = len(self.parts)
            try:
                part, labels = self._learn(span)
            except UserError as error:
                raise renamed(
                    error, f"forward training, span {span}; the {span} before it are kept: {error}"
                ) from error
            self.parts.append(part)
            self.labels += labels
            if self.done is not None:
                self.done(span)
        return self.policy

    @property
    def policy(self) -> ForwardPolicy:
        """The policy of the spans that are learnt."""
        return ForwardPolicy(self.task.features, self.spans, self.parts, self.task.instrument)

    def _learn(self, span: int) -> tuple[Model | float, int]:
        first = span * self.rollouts
        acting = self.policy.choose if span else None
        beta = 0.0 if span else 1.0
        episodes = [self.task.roll_out(first + i, acting, beta) for i in range(self.rollouts)]
        rows = self._inside(episodes, span)
        wanted = np.unique(rows.classes(np.array(self.settings.targets)))
        if len(wanted) == 1:
            return float(self.settings.targets[int(wanted[0])]), len(rows)
        rng = np.random.default_rng([self.task.seed, 3, span])
        return clone(rows, self.settings, rng).model, len(rows)

    def _inside(self, episodes: Sequence[Episode], span: int) -> ExpertDataset:
        rows = ExpertDataset.of(episodes, self.task.features, round=span, trained=self.trained)
        place = self.spans.place(self.task.features)
        inside = np.array([self.spans.of(value) == span for value in rows.observations[:, place].tolist()])
        if not inside.any():
            raise ConfigError(
                f"no rollout comes to it: {self.spans.feature} goes from {rows.observations[:, place].min():g} to "
                f"{rows.observations[:, place].max():g}; choose other edges"
            )
        return rows.rows(inside)
