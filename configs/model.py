"""The run config: what is traded, at which costs and size, by which agents."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from halfspread.configs.benchmark import BenchmarkTable
from halfspread.configs.bootstrap import Bootstrap
from halfspread.configs.costs import CostsTable
from halfspread.configs.fields import Interval, Label, Section, label_of
from halfspread.configs.market import Market
from halfspread.configs.training import Training
from halfspread.costs.margin import Margin
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError

__all__ = ["AgentConfig", "Execution", "RunConfig"]


class NotionalSize(FixedNotional):
    """`FixedNotional` as a table: pydantic fills in the fields by itself, so that it can say where a fault is."""

    __init__ = BaseModel.__init__


class ContractsSize(FixedContracts):
    """`FixedContracts` as a table."""

    __init__ = BaseModel.__init__


class EquitySize(EquityFraction):
    """`EquityFraction` as a table."""

    __init__ = BaseModel.__init__


class MarginTable(Margin):
    """`Margin` as a table; cross where it does not say a kind."""

    kind: Literal["none", "cross", "isolated"] = Field(
        default="cross", description="none: positions need no margin and are never liquidated"
    )

    @model_validator(mode="after")
    def _nothing_without_margin(self) -> Self:
        self.plain()
        return self

    def plain(self) -> Margin:
        """The same for the engine. Raises ValueError for terms that do not fit together."""
        try:
            return Margin(kind=self.kind, leverage=self.leverage, without_mark=self.without_mark)
        except ConfigError as error:
            raise ValueError(str(error).removeprefix("Margin: ")) from None


Sizing = Annotated[NotionalSize | ContractsSize | EquitySize, Field(discriminator="kind")]


def _stale(value: int | str) -> int | str:
    if value != 0:
        try:
            parse_interval(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
    return value


Amount = Annotated[float, Field(gt=0)]


class Execution(Section):
    """How decisions become fills, and in what the account is kept."""

    fill: Literal["next_open", "this_close", "next_close", "next_event", "this_event"] | None = Field(
        default=None,
        description="when a decision is filled; left out: at the next open on bars, else at the next event",
    )
    matching: Literal["pessimistic", "optimistic"] = Field(
        default="pessimistic", description="what is assumed of resting orders where the data cannot tell"
    )
    stale_after: Annotated[int | str, AfterValidator(_stale)] = Field(
        default="1h", description="quotes and books that stand still for longer are a gap without a market; 0: never"
    )
    capital: Amount | dict[str, Amount] | None = Field(
        default=None,
        description="equity at the start (report currency), one amount or { SETTLE = amount } for each account; left "
        "out: the sizing notional, no leverage",
    )
    report_currency: str | None = Field(
        default=None, description="currency of the report; left out: the quote currency"
    )
    rates: dict[str, Amount] = Field(
        default_factory=dict,
        description="fixed prices of settle currencies in report currency, such as { USDT = 1.0 }",
    )
    period: Interval | None = Field(
        default=None, description="how often the attribution is recorded; left out: by the length of the run"
    )
    mode: Literal["auto", "compiled", "python"] = Field(
        default="auto", description="python runs the Python twin of a compiled agent; the result is the same, slower"
    )


class AgentConfig(Section):
    """One agent: its type, a label, and beside them the parameters of that type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        min_length=1, description="a built-in name, package.module:Class, or ./file.py[:Class] relative to the config"
    )
    name: Label | None = Field(default=None, description="label in tables and of folders; left out: made from the type")

    @property
    def label(self) -> str:
        """What the agent is called in tables, in overrides and on disk."""
        if self.name is not None:
            return self.name
        file, colon, named = self.type.rpartition(":")
        if colon and named.isidentifier():
            return label_of(named)
        return label_of((file + colon + named).replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py"))

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the strategy as they are written in the config."""
        return dict(self.model_extra or {})


class RunConfig(Section):
    """A run: one market or several, one cost model, one way of sizing, and one agent or several."""

    name: Label = Field(description="name of the run and of its folder: letters, digits, . _ -")
    seed: int = Field(
        default=0, ge=0, description="seed of the agents, and of the synthetic market unless it has its own"
    )
    market: Market | None = Field(default=None, description="the one market: [market]")
    markets: tuple[Market, ...] = Field(
        default=(), description="several markets, of one instrument each: [[markets]]; one account per settle currency"
    )
    costs: CostsTable = Field(
        description="what a trader pays; the first three are required, zero is said with a kind 'none' or 0"
    )
    margin: MarginTable = Field(
        default_factory=MarginTable, description="whether positions need margin and are liquidated without it"
    )
    sizing: Sizing = Field(description="what a target of 1 stands for")
    execution: Execution = Field(default_factory=Execution)
    benchmark: BenchmarkTable | None = Field(
        default=None, description="what ratios are measured against; left out: zero"
    )
    bootstrap: Bootstrap | None = Field(
        default=None, description="another path of the market, made of its own days; left out: the market as it was"
    )
    training: Training | None = Field(
        default=None, description="which part of the market learners are fitted on; agents are run on the rest"
    )
    agent: AgentConfig | None = Field(default=None, description="the one agent: [agent]")
    agents: tuple[AgentConfig, ...] = Field(default=(), description="several agents: [[agents]]")

    @model_validator(mode="after")
    def _has_a_market(self) -> Self:
        if (self.market is not None) == bool(self.markets):
            found = "both" if self.markets else "neither"
            raise ValueError(f"expected one [market], or one or more [[markets]], got {found}")
        return self

    @model_validator(mode="after")
    def _has_agents(self) -> Self:
        if (self.agent is not None) == bool(self.agents):
            found = "both" if self.agents else "neither"
            raise ValueError(f"expected one [agent], or one or more [[agents]], got {found}")
        labels = [agent.label for agent in self.all_agents]
        double = next((label for label in labels if labels.count(label) > 1), None)
        if double is not None:
            raise ValueError(
                f"agents: {labels.count(double)} agents are called {double!r}; give each its own name = ..."
            )
        return self

    @model_validator(mode="after")
    def _benchmark_is_there(self) -> Self:
        named = None if self.benchmark is None else self.benchmark.agent
        labels = [agent.label for agent in self.all_agents]
        if named is None or (named in labels and len(labels) > 1):
            return self
        if named in labels:
            raise ValueError(f"benchmark.agent: {named!r} is the only agent; a benchmark is another one: [[agents]]")
        raise ValueError(f"benchmark.agent: no agent {named!r}; there are {', '.join(labels)}")

    @property
    def all_markets(self) -> tuple[Market, ...]:
        """The markets, whichever way they are written."""
        return self.markets if self.market is None else (self.market,)

    @property
    def all_agents(self) -> tuple[AgentConfig, ...]:
        """The agents, whichever way they are written."""
        return self.agents if self.agent is None else (self.agent,)
