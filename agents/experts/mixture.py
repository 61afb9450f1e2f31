"""A mixture of two experts: one of them for a whole run, or one for each regime of the market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from halfspread.agents.experts import mixture_kernels as places
from halfspread.agents.experts.asking import Asked
from halfspread.agents.experts.calling import addresses_of
from halfspread.agents.experts.mixture_kernels import mixture_rule
from halfspread.agents.features import Feature, FeatureSet
from halfspread.agents.policies.policy import memory_of, observation_in
from halfspread.agents.policies.policy_kernels import look_now
from halfspread.costs.base import Floats
from halfspread.engine.agent import decides_in_python, is_compiled, looks_ahead
from halfspread.engine.agent_functions import AgentFunction
from halfspread.engine.codes import MAX_INSTRUMENTS, OK
from halfspread.engine.instruments import Instrument
from halfspread.engine.subscriptions import wishes_of
from halfspread.engine.training import TrainingRange
from halfspread.errors import ConfigError, StrategyError
from halfspread.strategies.base import Strategy

if TYPE_CHECKING:
    from halfspread.engine.market import Market

__all__ = ["Mixture"]


class Mixture(Strategy):
    """Acts as ``first`` or as ``second``, two agents that set targets at the closes of bars.

    Without a ``regime`` one of them acts in a whole run: the second with probability ``share``, drawn from the seed of
    the run. With the name of a feature as ``regime`` the second acts where it is above ``level``, and the first
    elsewhere. Both are asked at every decision, so each knows the past when its turn comes; what either leaves as it is
    stays as the other has set it. Compiled where both are. A learner that is not shown the regime sees an expert that
    does two things in one state: what a head with several modes is for.
    """

    first: Any
    second: Any
    share: Annotated[float, Field(ge=0, le=1, description="probability of the second in a run")] = 0.5
    regime: Annotated[str, Field(description="a feature; the second acts where it is above the level")] = ""
    level: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    agent_fields: ClassVar[tuple[str, ...]] = ("first", "second")

    def check(self) -> None:
        """Two agents of bars, and a feature of the market. Raises ConfigError."""
        for name, agent in (("first", self.first), ("second", self.second)):
            if isinstance(agent, type) or not (is_compiled(agent) or decides_in_python(agent)):
                raise ConfigError(f"Mixture: {name}: expected an agent, got {agent!r}")
            if wishes_of(agent, is_compiled(agent)).events != ("bar",):
                raise ConfigError(f"Mixture: {name}: expected an agent that decides at the closes of bars alone")
            if hasattr(agent, "foresee") and getattr(agent, "_plan", None) is None:
                raise ConfigError(f"Mixture: {name}: show it its tape first: expert.foresee(tape, costs, sizing=...)")
        if self.regime and Feature.parse(self.regime).of_kind.own:
            raise ConfigError(f"Mixture: regime: expected a feature of the market, got {self.regime}, one of the agent")

    @property
    def function(self) -> AgentFunction | None:
        """The compiled form, where both have one."""
        return mixture_rule if self._compiled else None

    @property
    def _compiled(self) -> bool:
        return is_compiled(self.first) and is_compiled(self.second)

    @property
    def looks_ahead(self) -> bool:
        """Whether one of them does."""
        return looks_ahead(self.first) or looks_ahead(self.second)

    @property
    def own_path_only(self) -> bool:
        """Whether one of them knows its own path only."""
        return any(getattr(agent, "own_path_only", False) for agent in (self.first, self.second))

    @property
    def trained(self) -> tuple[TrainingRange, ...]:
        """What either has seen."""
        return (*getattr(self.first, "trained", ()), *getattr(self.second, "trained", ()))

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """As many rows as the one that needs most."""
        looked = self._looked.lookback if self._looked else 0
        return max(int(self.first.lookback), int(self.second.lookback), looked)

    @property
    def _looked(self) -> FeatureSet | None:
        return FeatureSet((self.regime,)) if self.regime else None

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Draw who acts, and give each a generator of its own."""
        self._second = bool(rng.random() < self.share)
        self._rngs, self._instruments = rng.spawn(2), instruments
        self._tables: tuple[frozenset[str], ...] | None = None

    def see_tables(self, tables: tuple[frozenset[str], ...]) -> None:
        """Take what the tape holds."""
        self._tables = tables

    def see_columns(self, columns: tuple[tuple[str, ...], ...]) -> None:
        """Make both ready, and the feature of the regime."""
        self._asked = []
        for agent, rng in zip((self.first, self.second), self._rngs, strict=True):
            asked = Asked(agent, is_compiled(agent))
            asked.get_ready(rng, self._instruments, columns, self._tables)
            self._asked.append(asked)
        self._look = np.zeros(0)
        if self._looked is not None:
            self._look = memory_of(self._looked, self._instruments, columns, tables=self._tables)
        self._contexts: Any = None

    def memory(self) -> Floats:
        """See ``agents.experts.mixture_kernels``."""
        layout = np.zeros(places.HEADER, np.int64)
        layout[places.PLAIN], layout[places.NATIVE] = addresses_of(self.first.function)
        layout[places.PLAIN_SECOND], layout[places.NATIVE_SECOND] = addresses_of(self.second.function)
        first, second = (asked.memory for asked in self._asked)
        layout[places.SECOND] = places.HEADER + len(first)
        layout[places.LOOK] = layout[places.SECOND] + len(second)
        layout[places.HELD] = layout[places.LOOK] + len(self._look)
        layout[places.CHOSEN], layout[places.BY_REGIME] = self._second, bool(self.regime)
        head = layout.view(np.float64)
        head[places.LEVEL] = self.level
        return np.concatenate([head, first, second, self._look, np.zeros(2 * MAX_INSTRUMENTS)])

    def on_bar(self, market: Market) -> None:
        """The twin in Python, which may mix compiled agents and others."""
        second = self._second
        if self._contexts is None:
            self._contexts = market._context.base.reshape(1)
        if self.regime:
            look_now(self._look, self._contexts, market._history)
            second = bool(observation_in(self._look)[0] > self.level)
        targets = market._context["targets"]
        held, wanted = targets.copy(), []
        for asked in self._asked:
            targets[:] = held
            if asked.ask(market) != OK:
                raise StrategyError(f"Mixture: {type(asked.agent).__name__} returned no hs.OK")
            wanted.append(targets.copy())
        targets[:] = wanted[second]
