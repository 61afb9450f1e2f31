"""The learners of the task with a deadline: one policy, or one for each span of time."""

from __future__ import annotations

from imitation_study.learners import LEARNERS, settings_of
from imitation_study.part import Size

from halfspread.agents.imitation.dagger import DAggerTrainer
from halfspread.agents.imitation.forward import ForwardTrainer, Spans
from halfspread.agents.imitation.rollout import Chooser
from halfspread.agents.imitation.schedules import exponential
from halfspread.agents.imitation.task import Task
from halfspread.agents.policies.model import Model
from halfspread.agents.worlds.world import world

__all__ = ["EPISODES", "SPANS", "WHERE", "learnt"]

WHERE = "deadline"
SPANS = Spans("column(left)", (0.2, 0.4, 0.6, 0.8), falling=True)
#: Episodes for each rollout of the other parts: episodes are short here.
EPISODES = 20
EPOCHS, BATCH = 4, 64


def learnt(task: Task, name: str, size: Size) -> Model | Chooser:
    """A policy from equally many labels: every learner gets as many episodes."""
    settings = settings_of(world(WHERE), EPOCHS * size.epochs).model_copy(update={"batch": BATCH})
    episodes = EPISODES * size.rollouts
    if name == "bc":
        return LEARNERS["bc"].learn(task, settings, episodes)
    if name == "dagger":
        trainer = DAggerTrainer(task, settings, exponential(), rounds=size.rollouts, rollouts=EPISODES)
        return trainer.train().model
    return ForwardTrainer(task, settings, SPANS, rollouts=episodes).train().choose
