"""Run an expert and a learner together through the engine: one acts, the expert labels every state that is visited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation import rollout_kernels as places
from halfspread.agents.imitation.disturbance import Disturbance
from halfspread.agents.imitation.rollout_agents import Chooser, CompiledRollout, Disturb, Parts, PythonRollout, Silence
from halfspread.agents.policies.model import Model
from halfspread.costs.base import Floats, Integers
from halfspread.costs.model import Costs
from halfspread.engine.agent import is_compiled, runs_compiled
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.session import Options
from halfspread.engine.subscriptions import agent_name, wishes_of
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError, DataError, StrategyError

__all__ = ["ACTORS", "Chooser", "Disturb", "Episode", "ExpertFailure", "Recorded", "roll_out"]

#: Who executed an action.
EXPERT, LEARNER, NOISE = places.BY_EXPERT, places.BY_LEARNER, places.BY_NOISE
ACTORS = ("expert", "learner", "noise")


@dataclass(frozen=True, eq=False)
class Recorded:
    """What was seen and decided, a row for each decision: ``times`` (nanoseconds UTC); ``observations`` (rows,
    features); ``expert`` and ``executed`` targets; ``actors`` (see `ACTORS`); ``probability`` that the expert gives to
    what it wants, 1 where it does not tell."""

    times: Integers
    observations: Floats
    expert: Floats
    executed: Floats
    actors: Integers
    probability: Floats


@dataclass(frozen=True, eq=False)
class Episode(Recorded):
    """The same of a whole run, and its ``result``."""

    result: BacktestResult


class ExpertFailure(StrategyError):
    """The expert failed in a rollout; ``recorded`` are the rows until then, none where nobody says."""

    def __init__(self, message: str, recorded: Recorded | None = None) -> None:
        super().__init__(message)
        none = np.zeros(0)
        empty = Recorded(none.astype(np.int64), np.zeros((0, 0)), none, none, none.astype(np.int64), none)
        self.recorded = empty if recorded is None else recorded

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.recorded)  # as it comes from another process


def roll_out(
    tape: Tape,
    expert: Any,
    features: FeatureSet,
    costs: Costs,
    *,
    learner: Model | Chooser | None = None,
    beta: float = 1.0,
    disturb: Disturb | None = None,
    instrument: int = 0,
    silence: Silence = "in_force",
    **options: Unpack[Options],
) -> Episode:
    """One run in which the expert acts with probability ``beta`` at each decision, the learner otherwise, each from its
    own view of the same market and account; the expert is asked at every decision.

    ``expert``: an agent that returns targets, compiled or in Python. What it leaves as it is (None) is the target
    in force, whoever set it: so an expert is understood that decides by what is held. One that speaks when its
    signal changes and else says nothing would agree with whatever it sees: with ``silence`` = "own" it wants what
    it said last, and is shown that as the target. One that looks ahead is shown the tape. ``learner``: a model, or
    a function of the observation. ``disturb`` changes what is executed; a `Disturbance`, and what has a method
    ``as_table`` that gives one, does so in compiled code. ``instrument``: whose targets are recorded, and traded by
    the learner; the expert sets those of the others where it acts. Decisions are those of bars, and begin when
    expert and features have their rows. The choice of who acts, and ``disturb``, draw from the seed of the run; the
    expert draws what it would draw alone.

    Raises what `run_backtest` raises; ConfigError for a share that is none, a model of other features, and an expert
    that decides on other events than bars, or knows its own path only where somebody else acts; `ExpertFailure` where
    the expert fails.
    """
    _check(expert, learner, beta, disturb, instrument, len(tape.feeds))
    if isinstance(learner, Model):
        _check_model(learner, features)
    disturb = getattr(disturb, "as_table", lambda: disturb)()
    foresee = getattr(expert, "foresee", None)
    if foresee is not None:
        expert = foresee(tape, costs, **options)
    mode = options.get("mode", "auto")
    compiled = runs_compiled(expert, mode)
    events = wishes_of(expert, compiled).events
    if events != ("bar",):
        raise ConfigError(
            f"{agent_name(expert)} decides on {', '.join(events)}; demonstrations are recorded at the closes of bars: "
            "imitate an expert that has on_bar alone"
        )
    room = sum(len(feed.table("bars").times) for feed in tape.feeds if "bars" in feed.kinds and not feed.streamed)
    if tape.streamed or not room:
        raise DataError(f"{tape.feeds[0].source}: a rollout takes a tape of bars in memory; read it with from_bars")
    seed = options.get("seed", 0)
    if silence not in ("in_force", "own"):
        raise ConfigError(f"silence: expected in_force or own, got {silence!r}")
    parts = Parts(expert, features, learner, beta, disturb, instrument, room, seed, silence)
    plain = learner is None or isinstance(learner, Model)
    quick = compiled and plain and (disturb is None or isinstance(disturb, Disturbance))
    pair = (CompiledRollout if quick else PythonRollout)(parts, compiled)
    try:
        result = run_backtest(tape, pair, costs, **options)
    except StrategyError as error:
        if not pair.expert_failed:
            raise
        raise _failure(pair, error) from error
    if not pair.rows:
        raise ConfigError(f"{pair.name}: no decision was made; the tape is shorter than the lookback {pair.lookback}")
    return Episode(**vars(_recorded(pair)), result=result)


def _check(
    expert: Any, learner: Model | Chooser | None, beta: float, disturb: Disturb | None, k: int, count: int
) -> None:
    if not 0.0 <= beta <= 1.0:
        raise ConfigError(f"beta: expected a probability from 0 to 1, got {beta}")
    if learner is None and beta < 1.0:
        raise ConfigError("beta below 1 needs a learner")
    if not 0 <= k < count:
        raise ConfigError(f"instrument: expected the place of one of {count} on the tape, got {k}")
    if getattr(expert, "own_path_only", False) and (beta < 1.0 or disturb is not None):
        raise ConfigError(
            f"{agent_name(expert)} knows what to do on its own path only: it cannot say what it would want at the "
            "states that a learner, or noise, comes to (DAgger and DART ask that); clone it, or imitate an expert that "
            "decides from what it sees"
        )
    if is_compiled(expert) or callable(getattr(expert, "on_bar", None)) or hasattr(expert, "foresee"):
        return
    raise ConfigError(f"expert: expected an agent with on_bar or a compiled function, got {expert!r}")


def _check_model(learner: Model, features: FeatureSet) -> None:
    """Raise ConfigError for a model that looks at something else, or at other times."""
    if learner.features != features:
        raise ConfigError(
            f"learner: the model looks at {learner.features}, and the rollout at {features}; record the "
            "features of the model"
        )
    if learner.events != ("bar",):
        raise ConfigError(f"learner: the model decides on {', '.join(learner.events)}; a rollout is one of bars")


def _recorded(pair: CompiledRollout | PythonRollout) -> Recorded:
    notes = pair.notes[: pair.rows]
    return Recorded(
        np.ascontiguousarray(notes[:, places.TIME]).view(np.int64),
        notes[:, places.OBSERVATION :].copy(),
        notes[:, places.WANTED].copy(),
        notes[:, places.EXECUTED].copy(),
        notes[:, places.ACTOR].astype(np.int64),
        notes[:, places.PROBABILITY].copy(),
    )


def _failure(pair: CompiledRollout | PythonRollout, error: StrategyError) -> ExpertFailure:
    """What to say where the expert failed."""
    found = _recorded(pair)
    others = int((found.actors != EXPERT).sum())
    after = f"after {len(found.times):,} decisions, {others:,} of them not its own"
    if len(found.times):
        after += f", the last at {time_text(int(found.times[-1]))}"
    return ExpertFailure(
        f"the expert {agent_name(pair.parts.expert)} failed {after}: {pair.fault or error}; a rollout asks it at every "
        "state that the learner comes to: have it answer there too (None keeps the target), or end the tape before; "
        "the rows so far are in `recorded` of this error",
        found,
    )
