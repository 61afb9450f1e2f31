"""Learners as agents of a config: each is shown a training window, imitates an expert there, and gives a policy.

They have ``fit(tape, rng, costs=..., options=...)``, so that the same agent is trained once (``halfspread train``),
fitted before a run (``[training]``), or refitted in every window of a walk-forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

import numpy as np
from pydantic import Field

from halfspread.agents.features import DrivenReservoir, FeatureSet
from halfspread.agents.imitation.cloning import BCPolicy, CloneSettings
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.rollout_agents import Silence
from halfspread.agents.imitation.rounds import Round
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.policy import Policy
from halfspread.costs.model import Costs
from halfspread.engine.session import Options
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.strategies.base import Strategy

__all__ = ["Imitator", "Lesson", "Told", "shown"]

#: Gets what is being done.
Told = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Lesson:
    """What came of training: the ``policy`` as an agent, the clone that it is (with its fit and rows), the ``dataset``
    of all demonstrations, the ``expert`` (None where only its records are there), and the rounds of DAgger."""

    policy: Policy
    clone: BCPolicy
    dataset: ExpertDataset
    expert: Any
    rounds: tuple[Round, ...] = ()
    best: int = 0

    @property
    def model(self) -> Model:
        """The model."""
        return self.clone.model


class Imitator(Strategy):
    """What every learner that imitates has.

    ``expert``: the agent to imitate; or ``demonstrations``: a file of recorded ones (`save_dataset`), of which the
    rows inside the training window count. ``features`` and ``stack``: what the learner looks at, and the state of a
    ``reservoir`` that the features drive; left out with a file: what the file holds. ``settings``: how it is fitted
    (`CloneSettings`). ``instrument``: which of the tape it trades, by its place. ``silence``: what the expert wants
    where it says nothing (`roll_out`). ``deterministic``: the policy takes the likeliest class; otherwise it draws.
    """

    expert: Any = None
    demonstrations: str = ""
    features: tuple[str, ...] = ()
    stack: Annotated[int, Field(ge=1)] = 1
    reservoir: DrivenReservoir | None = None
    settings: CloneSettings = CloneSettings()
    instrument: Annotated[int, Field(ge=0)] = 0
    silence: Silence = "in_force"
    deterministic: bool = True
    agent_fields: ClassVar[tuple[str, ...]] = ("expert",)
    file_fields: ClassVar[tuple[str, ...]] = ("demonstrations",)

    def check(self) -> None:
        """An expert or its records, and features that there are. Raises ConfigError."""
        name = type(self).__name__
        if (self.expert is None) == (not self.demonstrations):
            found = "both" if self.demonstrations else "neither"
            raise ConfigError(f"{name}: expected an expert, or a file of demonstrations, got {found}")
        if self.expert is not None and not callable(getattr(self.expert, "reset", None)):
            raise ConfigError(f"{name}: expert: expected an agent, got {self.expert!r}")
        if self.expert is not None and not self.features:
            raise ConfigError(f'{name}: features: expected what it looks at, such as ["log_return(1)", "position"]')
        if self.reservoir is not None and not self.features:
            raise ConfigError(f"{name}: reservoir: it is driven by features, and there are none")
        if self.features:
            _ = self.feature_set.driven  # a reservoir that cannot be drawn is refused here

    @property
    def feature_set(self) -> FeatureSet:
        """What it looks at. Raises ConfigError."""
        return FeatureSet(self.features, self.stack, self.reservoir)

    def fit(self, tape: Tape, rng: np.random.Generator, *, costs: Costs, options: Mapping[str, Any]) -> Policy:
        """The policy learnt from a training window; ``options`` are those of `run_backtest`. Raises what `learn`
        does."""
        return self.learn(tape, rng, costs=costs, options=options).policy

    def learn(
        self,
        tape: Tape,
        rng: np.random.Generator,
        *,
        costs: Costs,
        options: Mapping[str, Any],
        told: Told = lambda _: None,
        keep: Path | None = None,
    ) -> Lesson:
        """What `fit` does, with all that it rests on; ``told`` gets each step as it begins. ``keep``: a folder in which
        finished rounds are kept, so that a training that was killed goes on from there. Raises ConfigError, DataError
        or StrategyError."""
        raise NotImplementedError

    def _terms(self, options: Mapping[str, Any], rng: np.random.Generator) -> Options:
        seed = int(rng.integers(2**31))
        return cast(Options, {**options, "mode": "auto", "keep_curve": False, "seed": seed})

    def _lesson(self, made: BCPolicy, dataset: ExpertDataset, expert: Any, **more: Any) -> Lesson:
        policy = Policy.of(made.model, deterministic=self.deterministic, instrument=self.instrument)
        return Lesson(policy, made, dataset, expert, **more)


def shown(expert: Any, tape: Tape, costs: Costs, options: Mapping[str, Any]) -> Any:
    """The expert; one that looks ahead is shown the training window, and nothing else."""
    foresee = getattr(expert, "foresee", None)
    return expert if foresee is None else foresee(tape, costs, **options)
