"""A learnt model as an agent: `Policy` trades it, `Watcher` only writes down what it would look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.features.records import OWN_WIDTH
from halfspread.agents.networks.network import ACTIVATIONS, HEADS
from halfspread.agents.policies import policy_kernels as places
from halfspread.agents.policies.model import Model, TrainingRange, load_model
from halfspread.costs.base import Floats
from halfspread.engine.instruments import Instrument
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy

if TYPE_CHECKING:
    from halfspread.engine.market import Market

__all__ = ["Policy", "memory_of", "observation_in"]


class Policy(CompiledStrategy):
    """Trades as a model says, at the close of every bar (or at every event of ``events``).

    ``model_file``: as `save_model` wrote it. ``deterministic``: take the likeliest class; otherwise draw one by its
    probability, from the seed of the run. ``instrument``: which of the tape a softmax head trades, by its place.
    """

    model_file: str
    deterministic: bool = True
    instrument: int = 0
    function = places.act
    _model_read: ClassVar[Model | None] = None

    def check(self) -> None:
        """Read the model. Raises ConfigError or DataError."""
        if self._model_read is None:
            self.__dict__["_model_read"] = load_model(self.model_file)

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
    def lookback(self) -> int:  # type: ignore[override]
        """As many rows as its features need."""
        return self.model_read.features.lookback

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Take the instruments, and a number to draw from."""
        self._instruments = instruments
        self._bits = int(rng.integers(2**63))
        if not 0 <= self.instrument < len(instruments):
            raise ConfigError(f"Policy: instrument: there are {len(instruments)} on the tape, got {self.instrument}")

    def see_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Take the columns of the history."""
        self._columns = columns

    def memory(self) -> Floats:
        """See ``agents.policies.policy_kernels``."""
        return memory_of(
            self.model_read.features, self._instruments, self._columns, self.model_read,
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
    traded: int = 0,
    bits: int = 0,
    draws: bool = False,
    rows: int = 0,
) -> Floats:
    """The memory of ``agents.policies.policy_kernels``; without a model, only what it takes to look. ``rows``: room for
    so many observations, each after its time. Raises ConfigError for features that the tape does not have."""
    plan, state = features.plan(instruments, columns)
    layout = np.zeros(0, np.int64) if model is None else model.network.layout
    parts: list[Floats] = [
        plan.ravel(),
        np.zeros(state),
        np.zeros(len(instruments) * OWN_WIDTH),
        np.zeros(len(features.names)),
        np.zeros(features.count),
        np.zeros(features.count),
        np.zeros(0) if model is None else model.scaler.centre,
        np.zeros(0) if model is None else model.scaler.spread,
        layout.view(np.float64),
        np.zeros(0) if model is None else _tempered(model),
        np.zeros(int(layout[1:].sum())),
        np.zeros(0) if model is None else model.targets,
        np.array([bits], np.uint64).view(np.float64),
        np.zeros(rows * (features.count + 1)),
    ]
    header = np.zeros(places.HEADER, np.int64)
    header[places.FEATURES], header[places.STACK] = len(features.names), features.stack
    header[places.INSTRUMENTS], header[places.STATE] = len(instruments), state
    header[places.LAYERS] = max(len(layout) - 1, 0)
    if model is not None:
        header[places.ACTIVATION] = ACTIVATIONS[model.network.activation]
        header[places.HEAD] = HEADS[model.network.head]
    header[places.TRADED], header[places.DRAWS] = traded, draws
    header[places.ON_BARS] = bool(columns) and "close" in columns[0]
    begins = places.HEADER + np.cumsum([0, *(len(part) for part in parts[:-1])])
    header[places.PLAN : places.END + 1] = begins
    return np.concatenate([header.view(np.float64), *parts])


def _tempered(model: Model) -> Floats:
    """The parameters with the last layer divided by the temperature: the same order of classes, and probabilities at
    their level."""
    parameters = model.network.parameters.copy()
    if model.network.head == "softmax" and model.temperature != 1.0:
        inputs, outputs = model.network.sizes[-2:]
        parameters[-outputs * (inputs + 1) :] /= model.temperature
    return parameters


def observation_in(memory: Floats) -> Floats:
    """A view of the observation that a memory of ``agents.policies.policy_kernels`` holds."""
    header: Any = memory[: places.HEADER].view(np.int64)
    return memory[header[places.OBSERVED] : header[places.SCALED]]
