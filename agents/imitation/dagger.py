"""DAgger: let the learner act, ask the expert at the states it comes to, add these to the examples, and fit again.

Ross, Gordon and Bagnell, "A Reduction of Imitation Learning and Structured Prediction to No-Regret Online Learning"
(2011). Behavioural cloning knows the expert's own states alone, and errs where its errors lead; DAgger has seen those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from halfspread.agents.imitation.judging import Judgement, disagreement
from halfspread.agents.imitation.rollout import Episode
from halfspread.agents.imitation.rounds import Round, RoundTrainer
from halfspread.agents.imitation.schedules import Schedule
from halfspread.agents.imitation.task import Task, said

__all__ = ["DAggerTrainer", "Judgement", "Round", "Task", "disagreement"]


@dataclass
class DAggerTrainer(RoundTrainer):
    """In round 0 the expert acts; in each later one the learner of the round before, or with probability ``beta`` (of
    the round and of that learner's disagreement, see `schedules`) the expert, drawn at every decision. See
    `RoundTrainer` for the rest."""

    beta: Schedule
    _share: float = field(default=1.0, init=False)

    def share_of_expert(self, round: int) -> float:
        """1 in round 0, then as the schedule says."""
        self._share = 1.0 if round == 0 else self.beta(round, self._before)
        return self._share

    def collect(self, round: int, rollout: int) -> Episode:
        """A rollout of the mixture of expert and learner."""
        return self.task.roll_out(rollout, self.learner, self._share)

    def description(self) -> dict[str, Any]:
        """See `RoundTrainer`."""
        return {**super().description(), "beta": said(self.beta)}

    @property
    def _before(self) -> float | None:
        """What the learner's disagreement was in the round before; after round 0, at rows that it was not fitted to
        where some were set aside."""
        if not self.history:
            return None
        if len(self.history) > 1:
            return self.history[-1].disagreement
        policy = self.history[0].policy
        return 1.0 - policy.agreement(policy.validation or policy.train)
