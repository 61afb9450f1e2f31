"""Train a learner and judge it: a lesson on the training part of a config, then runs on what stands after it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from halfspread import __version__
from halfspread.agents.imitation.dataset import ExpertDataset, save_dataset
from halfspread.agents.imitation.learner import Imitator, Lesson, Told, shown
from halfspread.agents.imitation.rollout import Episode, ExpertFailure, roll_out
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.model_file import save_model
from halfspread.commands.manifest import digest_of
from halfspread.commands.replay import replay_into, write_results
from halfspread.configs.build import BuiltAgent, build_tape, effective, run_terms, training_part
from halfspread.configs.costs import build_costs
from halfspread.configs.learners import is_learner, training_rng
from halfspread.configs.learners import lesson as learning
from halfspread.configs.load import Loaded
from halfspread.costs.model import Costs
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.reports.result import Result

__all__ = ["EXPERT", "Trained", "the_learner", "train_into"]

#: Folder of the expert's own run beside that of the learner.
EXPERT = "expert"
DEMONSTRATIONS, MODEL = "demonstrations.parquet", "model.npz"
#: What no learner can be called.
_TAKEN = frozenset({EXPERT, DEMONSTRATIONS, MODEL, "metrics.json", "manifest.json", "report.html"})


@dataclass(frozen=True, eq=False)
class Trained:
    """A learner after its lesson, and what it and its expert did on the ``test`` part. ``own``: the learner's run, its
    expert asked at every decision; ``expert_run``: the expert's. None where nobody can say what the expert would do;
    ``unsaid`` says why.
    """

    loaded: Loaded
    built: BuiltAgent
    lesson: Lesson
    model: Model
    train: Tape
    test: Tape
    own: Episode | None
    expert_run: Episode | None
    result: Result
    expert_result: Result | None
    seconds: float
    unsaid: tuple[str, ...] = ()

    @property
    def results(self) -> list[Result]:
        """The learner, then its expert."""
        return [self.result, *([] if self.expert_result is None else [self.expert_result])]

    @cached_property
    def visited(self) -> ExpertDataset | None:
        """The states of the learner's own run, with what the expert would have done there."""
        return None if self.own is None else ExpertDataset.of([self.own], self.model.features)

    @cached_property
    def held_out(self) -> ExpertDataset | None:
        """The states of the expert's own run."""
        return None if self.expert_run is None else ExpertDataset.of([self.expert_run], self.model.features)


def the_learner(loaded: Loaded, agents: list[BuiltAgent]) -> BuiltAgent:
    """The one agent that can be trained into a model. Raises ConfigError."""
    labels = ", ".join(each.label for each in agents)
    found = [each for each in agents if is_learner(each.agent)]
    if len(found) != 1:
        what = "no agent that learns" if not found else f"{len(found)} agents that learn"
        how = "; say which with --agent NAME" if found else ", such as type = 'clone'"
        raise ConfigError(f"{loaded.path}: {what} among {labels}{how}")
    if not isinstance(found[0].agent, Imitator):
        raise ConfigError(
            f"{loaded.path}: {found[0].label} has fit, but gives no model that can be saved; it is fitted before every "
            "run: halfspread run"
        )
    if loaded.config.training is None:
        raise ConfigError(
            f"{loaded.path}: training: say where what is learnt from ends: [training] until = 2024-01-01; what stands "
            "after it is what the learner is judged on"
        )
    if found[0].label in _TAKEN:
        raise ConfigError(f"{loaded.path}: agent {found[0].label}: that is what something else in the folder is called")
    return found[0]


def train_into(loaded: Loaded, built: BuiltAgent, home: Path, told: Told, keep: Path | None = None) -> Trained:
    """Train, judge, and write the model, the demonstrations and both runs to ``home``; ``keep``: where finished rounds
    are kept meanwhile. Raises what training, or a run, does."""
    agent = cast(Imitator, built.agent)
    costs, terms = build_costs(loaded.config.costs, loaded.folder, loaded.places), run_terms(loaded)
    told("read the market")
    train, test = training_part(loaded), build_tape(loaded)
    if train is None:
        raise ConfigError(f"{loaded.path}: expected [training]")
    began = time.perf_counter()
    with learning(built.label, train):
        lesson = agent.learn(train, training_rng(loaded), costs=costs, options=terms, told=told, keep=keep)
    seconds = time.perf_counter() - began
    model = replace(lesson.model, facts={**lesson.model.facts, **_facts(loaded, built)})
    save_model(model, home / MODEL)
    save_dataset(lesson.dataset, home / DEMONSTRATIONS)
    expert = None if lesson.expert is None else shown(agent.expert, test, costs, terms)
    quiet = {**terms, "mode": "auto", "keep_curve": False, "instrument": agent.instrument, "silence": agent.silence}
    ask = _Asked(test, expert, lesson.model, costs, quiet)
    told("run the learner on what was held out")
    own = ask.where_the_learner_goes()
    result = _result(loaded, test, replace(built, agent=lesson.policy, learnt=True), home / built.label)
    told("run the expert on what was held out")
    expert_run, expert_result = ask.alone(), None
    if expert_run is not None:
        party = replace(built, label=EXPERT, agent=expert, learnt=True)
        expert_result = _result(loaded, test, party, home / EXPERT)
    found = (own, expert_run, result, expert_result)
    return Trained(loaded, built, lesson, model, train, test, *found, seconds, tuple(ask.unsaid))


class _Asked:
    """An expert asked on data held out; what it cannot say is noted in ``unsaid``, and no reason to lose the model."""

    def __init__(self, test: Tape, expert: Any, model: Model, costs: Costs, options: dict[str, Any]) -> None:
        self._test, self._expert, self._model, self._costs = test, expert, model, costs
        self._options = options
        self.unsaid: list[str] = []
        if expert is None:
            self.unsaid.append("the expert is a record: nobody can say what it would do where the learner goes")

    def where_the_learner_goes(self) -> Episode | None:
        """The learner's run, with what the expert would have done at each decision."""
        if getattr(self._expert, "own_path_only", False):
            self.unsaid.append(
                "the expert knows its own path only: nobody can say what it would do where the learner goes"
            )
            return None
        return self._run(learner=self._model, beta=0.0)

    def alone(self) -> Episode | None:
        """The expert's own run."""
        return self._run()

    def _run(self, **more: Any) -> Episode | None:
        if self._expert is None:
            return None
        try:
            return roll_out(self._test, self._expert, self._model.features, self._costs, **more, **self._options)
        except ExpertFailure as error:
            self.unsaid.append(f"the expert failed on data held out: {error}")
            return None


def _result(loaded: Loaded, test: Tape, built: BuiltAgent, home: Path) -> Result:
    home.mkdir()
    result = replay_into(loaded, test, built, home, None)
    write_results(result, home, None, report=False)
    return result


def _facts(loaded: Loaded, built: BuiltAgent) -> dict[str, Any]:
    """How a model was made."""
    return {
        "method": built.config.type,
        "config": str(loaded.path.name),
        "config_hash": digest_of(effective(loaded, [built], times_as_text=True)),
        "seed": loaded.config.seed,
        "halfspread": __version__,
    }
