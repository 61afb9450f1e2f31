"""What is imitated, and where: the task that every learner of demonstrations is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.rollout import Chooser, Disturb, Episode, roll_out
from halfspread.agents.imitation.rollout_agents import Silence
from halfspread.agents.policies.model import Model
from halfspread.costs.model import Costs
from halfspread.engine.session import Options
from halfspread.engine.tape import Tape

__all__ = ["Markets", "Task", "said"]

#: Gets the number of a rollout and gives its market; the same number gives the same market.
Markets = Callable[[int], Tape]

#: Options that say how a run is done, and change nothing that comes out.
_NO_MATTER = ("seed", "mode", "chunk_events", "keep_curve", "sink", "progress")


@dataclass(frozen=True)
class Task:
    """``expert``, ``features``, ``costs``, and the ``options`` of a run (`run_backtest`).

    ``markets`` to learn on, ``fresh`` ones to be judged on; ``seed`` of all drawing; ``instrument``: which of the tape
    is traded, by its place; ``name`` for messages; ``silence`` of the expert (`roll_out`).
    """

    expert: Any
    features: FeatureSet
    costs: Costs
    options: Options
    markets: Markets
    fresh: Markets
    seed: int = 0
    instrument: int = 0
    name: str = ""
    silence: Silence = "in_force"

    def roll_out(
        self, number: int, learner: Model | Chooser | None = None, beta: float = 1.0, disturb: Disturb | None = None
    ) -> Episode:
        """A rollout on a market to learn on. Raises what `roll_out` raises."""
        return self._run(self.markets(number), [self.seed, 1, number], learner, beta, disturb)

    def judge(self, number: int, learner: Model | Chooser) -> Episode:
        """A rollout on a fresh market, in which the learner acts alone."""
        return self._run(self.fresh(number), [self.seed, 2, number], learner, 0.0, None)

    def show(self, number: int) -> Episode:
        """A rollout on a fresh market, in which the expert acts alone."""
        return self._run(self.fresh(number), [self.seed, 2, number], None, 1.0, None)

    def description(self) -> dict[str, Any]:
        """What tells this task from others, as JSON takes it; the first market by its hash."""
        return {
            "name": self.name,
            "expert": said(self.expert),
            **self.features.header(),
            "costs": said(self.costs),
            "options": {name: said(value) for name, value in sorted(self.options.items()) if name not in _NO_MATTER},
            "market": self.markets(0).hash(),
            "seed": self.seed,
            "instrument": self.instrument,
            "silence": self.silence,
        }

    def _run(
        self, tape: Tape, seed: Sequence[int], learner: Model | Chooser | None, beta: float, disturb: Disturb | None
    ) -> Episode:
        options = self.options.copy()
        options["seed"] = int(np.random.default_rng(seed).integers(2**31))
        return roll_out(
            tape, self.expert, self.features, self.costs,
            learner=learner, beta=beta, disturb=disturb, instrument=self.instrument, silence=self.silence, **options,
        )  # fmt: skip


def said(thing: object) -> str:
    """The thing in words that are the same in every process: its repr, or its name where that holds an address."""
    text = repr(thing)
    if " at 0x" not in text:
        return text
    kind = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{kind.__module__}.{kind.__qualname__}"


def digest_of(description: Mapping[str, Any]) -> str:
    """Hash of what JSON takes."""
    return hashlib.blake2b(json.dumps(description, sort_keys=True).encode(), digest_size=16).hexdigest()
