"""A learnt model as an agent, and the memory that its kernels work in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from halfspread.agents.features import FeatureSet
from halfspread.agents.features.feature_set import own_past
from halfspread.agents.networks.network import ACTIVATIONS, HEADS
from halfspread.agents.policies import policy_kernels as places
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.model_file import load_model
from halfspread.agents.trees.forest import Forest
from halfspread.agents.trees.forest_kernels import FEATURE, NUMBER
from halfspread.costs.base import Floats
from halfspread.engine.instruments import Instrument
from halfspread.engine.training import TrainingRange
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy

if TYPE_CHECKING:
    from halfspread.engine.market import Market

__all__ = ["Policy", "memory_of", "observation_in"]


class Policy(CompiledStrategy):
    """Trades as a model says, on the events that the model was made for.

    ``model_file``: as `save_model` wrote it. ``deterministic``: take the likeliest class, or the mean; otherwise draw
    by the probabilities, from the seed of the run. ``instrument``: which of the tape it trades, by its place, where the
    model has one target.
    """

    model_file: str
    deterministic: bool = True
    instrument: Annotated[int, Field(ge=0)] = 0
    function = places.act
    file_fields: ClassVar[tuple[str, ...]] = ("model_file",)
    _model_read: ClassVar[Model | None] = None

    def check(self) -> None:
        """Read the model. Raises ConfigError or DataError."""
        if self._model_read is None:
            self.__dict__["_model_read"] = load_model(self.model_file)
        if not self.deterministic and self.model_read.network.head == "squared":
            raise ConfigError("Policy: deterministic: a squared head tells one value, there is nothing to draw from")

    @classmethod
    def of(cls, model: Model, *, deterministic: bool = True, instrument: int = 0) -> Policy:
        """The policy of a model in memory."""
        made = cls.__new__(cls)
        made.__dict__["_model_read"] = model
        made.__init__(model_file="", deterministic=deterministic, instrument=instrument)  # type: ignore[misc]
        return made

    @property
    def model_read(self) -> Model:
        """The model."""
        if self._model_read is None:
            raise ConfigError("Policy: it has no model")
        return self._model_read

    @property
    def trained(self) -> tuple[TrainingRange, ...]:
        """What the model has seen; a run on any of it is refused."""
        return self.model_read.trained

    @property
    def events(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the model decides on."""
        return self.model_read.events

    @property
    def lookback(self) -> int:  # type: ignore[override]
        """As many rows as its features need."""
        return self.model_read.features.lookback

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take the instruments, and a number to draw from. Raises ConfigError for a model of other instruments."""
        self._instruments = instruments
        self._tables: Sequence[Collection[str]] | None = None
        self._bits = int(rng.integers(2**63))
        count, values = len(instruments), self.model_read.network.values
        if self.instrument >= count:
            raise ConfigError(f"Policy: instrument: the tape has {count}, numbered from 0, got {self.instrument}")
        if not self.model_read.classes and values not in (1, count):
            raise ConfigError(f"Policy: the model tells targets of {values} instruments, and the tape has {count}")

    def see_tables(self, tables: Sequence[Collection[str]]) -> None:
        """Take what the tape holds."""
        self._tables = tables

    def see_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Take the columns of the history."""
        self._columns = columns

    def memory(self) -> Floats:
        """See ``agents.policies.policy_kernels``."""
        return memory_of(
            self.model_read.features, self._instruments, self._columns, self.model_read, tables=self._tables,
            traded=self.instrument, bits=self._bits, draws=not self.deterministic,
        )  # fmt: skip

    def on_bar(self, market: Market) -> float | None:
        """The twin in Python."""
        raise ConfigError("Policy has no twin in Python; run it compiled")

    on_bar.placeholder = True  # type: ignore[attr-defined]


def memory_of(
    features: FeatureSet,
    instruments: Sequence[Instrument],
    columns: Sequence[Sequence[str]],
    model: Model | None = None,
    *,
    tables: Sequence[Collection[str]] | None = None,
    traded: int = 0,
    bits: int = 0,
    draws: bool = False,
    rows: int = 0,
) -> Floats:
    """The memory of ``agents.policies.policy_kernels``; without a model, only what it takes to look. ``tables``: what
    the tape holds (`Feed.held`), None where nobody knows. ``rows``: room for so many observations, each after its time.
    Raises ConfigError for features that the tape does not have."""
    plan, state = features.plan(instruments, columns, tables)
    none, driven = np.zeros(0), features.driven
    shape, parameters, units = (none, none, 0) if model is None else _of_model(model)
    parts: list[Floats] = [
        plan.ravel(),
        np.zeros(state),
        own_past(columns).ravel(),
        np.zeros(len(features.names)) if driven is None else np.eye(1, driven.inputs, driven.inputs - 1)[0],
        np.zeros(features.count),
        np.zeros(features.count),
        none if model is None else model.scaler.centre,
        none if model is None else model.scaler.spread,
        shape,
        parameters,
        np.zeros(units),
        none if model is None else model.targets,
        np.array([bits], np.uint64).view(np.float64),
        none if driven is None else driven.packed(),
        np.zeros(0 if driven is None else driven.scratch),
        np.zeros(rows * (features.count + 1)),
    ]
    header = np.zeros(places.HEADER, np.int64)
    header[places.FEATURES], header[places.STACK] = len(features.names), features.stack
    header[places.INSTRUMENTS], header[places.TRADED], header[places.DRAWS] = len(instruments), traded, draws
    if model is not None:
        header[places.HEAD], header[places.VALUES] = HEADS[model.network.head], model.network.values
        header[places.FOREST] = isinstance(model.network, Forest)
        header[places.ACTIVATION] = ACTIVATIONS[getattr(model.network, "activation", "relu")]
    begins = places.HEADER + np.cumsum([0, *(len(part) for part in parts[:-1])])
    header[places.PLAN : places.END + 1] = begins
    return np.concatenate([header.view(np.float64), *parts])


def _of_model(model: Model) -> tuple[Floats, Floats, int]:
    """Its shape (int64 in the bits of float64), its parameters, and the numbers it needs room for while it thinks. The
    temperature is in the parameters: the same order of classes, and probabilities at their level."""
    inner = model.network
    if isinstance(inner, Forest):
        nodes = inner.nodes.copy()
        nodes[nodes[:, FEATURE] < 0.0, NUMBER] /= model.temperature
        return inner.roots.view(np.float64), nodes.ravel(), inner.values
    parameters = inner.parameters.copy()
    if inner.head == "softmax":
        inputs, outputs = inner.sizes[-2:]
        parameters[-outputs * (inputs + 1) :] /= model.temperature
    return inner.layout.view(np.float64), parameters, int(inner.layout[1:].sum())


def observation_in(memory: Floats) -> Floats:
    """A view of the observation that a memory of ``agents.policies.policy_kernels`` holds."""
    header: Any = memory[: places.HEADER].view(np.int64)
    return memory[header[places.OBSERVED] : header[places.SCALED]]
