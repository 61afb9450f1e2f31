"""Run an expert and a learner together through the engine: one acts, the expert labels every state that is visited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.policy import memory_of, observation_in
from halfspread.agents.policies.policy_kernels import act_now, look_now
from halfspread.costs.base import Floats, Integers
from halfspread.costs.model import Costs
from halfspread.engine.agent import is_compiled, prepare
from halfspread.engine.instruments import Instrument
from halfspread.engine.market import Market
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.session import Options
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, StrategyError

__all__ = ["ACTORS", "Chooser", "Disturb", "Episode", "roll_out"]

#: Who executed an action.
EXPERT, LEARNER, NOISE = 0, 1, 2
ACTORS = ("expert", "learner", "noise")

#: Gets the target that was to be executed, and the generator of the rollout; gives another.
Disturb = Callable[[float, np.random.Generator], float]

#: Gets an observation (features,); gives a target, or None to leave this decision to the expert.
Chooser = Callable[[Floats], float | None]


@dataclass(frozen=True, eq=False)
class Episode:
    """What was seen and decided in one run, a row for each decision: ``times`` (nanoseconds UTC); ``observations``
    (rows, features); ``expert`` and ``executed`` targets; ``actors`` (see `ACTORS`); ``result`` of the run."""

    times: Integers
    observations: Floats
    expert: Floats
    executed: Floats
    actors: Integers
    result: BacktestResult


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
    **options: Unpack[Options],
) -> Episode:
    """One run in which the expert acts with probability ``beta`` at each decision, the learner otherwise, each from its
    own view of the same market and account; the expert is asked at every decision.

    ``expert``: an agent that returns targets, compiled or in Python; what it leaves as it is (None) is the target in
    force, whoever set it. ``learner``: a model, or a function of the observation. ``disturb`` changes what is executed.
    Decisions are those of bars. The choice of who acts, and ``disturb``, draw from the seed of the run. Raises what
    `run_backtest` raises, ConfigError for a share that is none, StrategyError where the expert fails.
    """
    if not 0.0 <= beta <= 1.0:
        raise ConfigError(f"beta: expected a probability from 0 to 1, got {beta}")
    if learner is None and beta < 1.0:
        raise ConfigError("beta below 1 needs a learner")
    pair = _Pair(expert, features, learner, beta, disturb, instrument)
    result = run_backtest(tape, pair, costs, **options)
    return pair.episode(result)


class _Pair:
    """The agent of a rollout."""

    def __init__(
        self,
        expert: Any,
        features: FeatureSet,
        learner: Model | Chooser | None,
        beta: float,
        disturb: Disturb | None,
        instrument: int,
    ) -> None:
        self._expert, self._features = expert, features
        self._learner = learner if isinstance(learner, Model) else None
        self._chooser = learner if callable(learner) else None
        self._beta, self._disturb, self._k = beta, disturb, instrument
        self._compiled = is_compiled(expert)
        self.name = f"rollout of {getattr(expert, 'name', type(expert).__name__)}"

    @property
    def lookback(self) -> int:
        """As many rows as the expert or the features need."""
        return max(int(self._expert.lookback), self._features.lookback)

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Draw anew, and forget all rows."""
        self._rng = rng
        self._instruments = instruments
        self._rows: list[tuple[int, float, float, int]] = []
        self._seen: list[Floats] = []
        self._contexts: Any = None

    def see_columns(self, columns: tuple[tuple[str, ...], ...]) -> None:
        """Lay out the memory of expert and learner."""
        spawned = self._rng.spawn(2)
        _, self._memory_of_expert = prepare(self._expert, self._compiled, spawned[0], self._instruments, columns)
        bits = int(spawned[1].integers(2**63))
        self._memory = memory_of(self._features, self._instruments, columns, self._learner, traded=self._k, bits=bits)

    def on_bar(self, market: Market) -> float | Sequence[float]:
        """Look, ask the expert, and let one of them act."""
        context, history = market._context, market._history
        if self._contexts is None:
            self._contexts = context.base.reshape(1)
        look_now(self._memory, self._contexts, history)
        observed = observation_in(self._memory).copy()
        held = float(context["targets"][self._k])
        wanted = self._ask(market, context, history, held)
        context["targets"][self._k] = held
        target, actor = wanted, EXPERT
        if self._beta < 1.0 and self._rng.random() >= self._beta:
            chosen = act_now(self._memory, self._k) if self._chooser is None else self._chooser(observed)
            target, actor = (wanted, EXPERT) if chosen is None else (float(chosen), LEARNER)
        if self._disturb is not None:
            disturbed = self._disturb(target, self._rng)
            if disturbed != target:
                target, actor = disturbed, NOISE
        self._rows.append((market.time, wanted, target, actor))
        self._seen.append(observed)
        if len(self._instruments) == 1:
            return target
        targets: list[float] = context["targets"][: len(self._instruments)].tolist()
        targets[self._k] = target
        return targets

    def _ask(self, market: Market, context: Any, history: Floats, held: float) -> float:
        """The target that the expert wants here."""
        if self._compiled:
            status = self._expert.function.on_arrays(self._contexts, self._memory_of_expert, history, market._row)
            if status != 1:
                raise StrategyError(f"{self.name}: the expert returned {status}; expected hs.OK")
            return float(context["targets"][self._k])
        wanted = self._expert.on_bar(market)
        if wanted is None:
            return held
        return float(wanted) if np.ndim(wanted) == 0 else float(np.asarray(wanted)[self._k])

    def episode(self, result: BacktestResult) -> Episode:
        """What was seen and decided."""
        if not self._rows:
            raise ConfigError(f"{self.name}: no decision was made; the tape is shorter than the lookback")
        times, wanted, executed, actors = zip(*self._rows, strict=True)
        return Episode(
            np.array(times, np.int64),
            np.array(self._seen),
            np.array(wanted, np.float64),
            np.array(executed, np.float64),
            np.array(actors, np.int64),
            result,
        )
