"""A market with a signal, an expert that acts on it, and learners, shared by the tests of imitation."""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.rollout import Episode, roll_out
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine import instruments
from halfspread.engine.instruments import Instrument
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.strategies.base import Strategy

MINUTES = 5
START = 1_577_836_800  # 2020-01-01 00:00 UTC, seconds
WORLD = instruments.linear("WORLD", multiplier=1.0, lot=1.0, tick=1e-4)
OTHER = instruments.linear("OTHER", multiplier=1.0, lot=1.0, tick=1e-4)
COSTS = Costs(half_spread=HalfSpread.price(0.1), fees=Fees.none(), funding=Funding.none())
OPTIONS: dict[str, Any] = {"sizing": FixedContracts(1), "margin": Margin.none(), "capital": 1e6, "keep_curve": False}
FEATURES = FeatureSet(("column(signal)", "position", "open_pnl(price)", "age", "cool_down(10)"))
TARGETS = np.array([-1.0, 0.0, 1.0])


class Second(Strategy):
    """Trades the second instrument alone, by turns."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.side = 1.0

    def on_bar(self, market: Any) -> None:
        self.side = -self.side
        market[1].target = self.side


def market(seed: int = 0, bars: int = 400, instrument: Instrument = WORLD, start: int = START) -> Tape:
    """An AR(1) signal that the next bar's move leans on."""
    rng = np.random.default_rng([7, seed])
    shocks, noise = rng.standard_normal(bars), rng.standard_normal(bars)
    signal = np.zeros(bars)
    for i in range(bars):
        signal[i] = 0.95 * (signal[i - 1] if i else 0.0) + 0.35 * shocks[i]
    moves = 0.04 * signal + 0.6 * noise
    close = 10_000.0 + np.concatenate([[0.0], np.cumsum(moves[:-1])])
    open_ = np.concatenate([close[:1], close[:-1]])
    table = {
        "ts": np.arange(bars) * 60 * MINUTES + start,
        "open": open_,
        "high": np.maximum(open_, close),
        "low": np.minimum(open_, close),
        "close": close,
        "volume": np.ones(bars),
        "signal": signal,
    }
    return Tape.from_bars(table, instrument, time_unit="s", extra=("signal",))


def model(
    features: FeatureSet = FEATURES, seed: int = 0, hidden: tuple[int, ...] = (8,), head: str = "softmax"
) -> Model:
    """A policy that nobody has fitted."""
    targets = TARGETS if head == "softmax" else np.zeros(0)
    values = 3 if head == "softmax" else 1
    network = Network.drawn(features.count, hidden, values, head, "relu", np.random.default_rng(seed))
    return Model(features, Scaler(np.zeros(features.count), np.ones(features.count)), network, targets)


def contrarian(features: FeatureSet) -> Model:
    """A policy that goes against the sign of the first feature."""
    weights = np.zeros((features.count, 3))
    weights[0] = 1.0, 0.0, -1.0
    network = Network((features.count, 3), "relu", "softmax", np.concatenate([weights.ravel(), np.zeros(3)]))
    return Model(features, Scaler(np.zeros(features.count), np.ones(features.count)), network, TARGETS)


def episode(
    number: int = 0, bars: int = 400, expert: Any = None, features: FeatureSet = FEATURES, **more: Any
) -> Episode:
    """A rollout of an expert on the market above."""
    return roll_out(market(number, bars), expert or PositionExpert(), features, COSTS, **{**OPTIONS, **more})


def dataset(number: int = 0, bars: int = 400, **more: Any) -> ExpertDataset:
    """Its demonstrations."""
    return ExpertDataset.of([episode(number, bars, **more)], more.get("features", FEATURES))
