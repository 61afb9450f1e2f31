"""Markets for ESN-RRL with features in columns, and the slow agent's run on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import esn_records as mine
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.covariance import unpacked
from halfspread.agents.rrl.esn_rrl import EsnRrl
from halfspread.costs import Funding
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR, MINUTE
from tests.agents.rrl.slow_esn_rrl import SlowEsnRrl
from tests.agents.rrl.worlds import FINE, paying
from tests.engine.worlds import START

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
FEE, HALF = 5e-4, 0.01
COLUMNS = ("a", "b")
SMALL = ReservoirSettings(size=12)


@dataclass(frozen=True)
class World:
    """Closes, features (bars, 2), how many bars are missing before each, and the rates settled every eight hours."""

    close: Floats
    features: Floats
    missing: Integers
    settled: Floats

    @classmethod
    def drawn(cls, bars: int, seed: int = 0, gaps: bool = False) -> World:
        """Prices about 100 that return there, of which the first feature knows a little."""
        rng = np.random.default_rng(seed)
        features = rng.standard_normal((bars, 2))
        steps = 0.15 * rng.standard_normal(bars) + 0.08 * np.append(0.0, features[:-1, 0])
        close = np.zeros(bars)
        before = 100.0
        for t in range(bars):
            before = close[t] = before + steps[t] - 0.01 * (before - 100.0)
        missing = np.where(gaps & (rng.random(bars) < 0.01), rng.integers(1, 200, bars), 0)
        count = (bars + missing.sum()) // 96
        return cls(close, features, missing, 1e-3 * rng.standard_normal(count))

    @property
    def opened(self) -> Integers:
        """When each bar opens, ns."""
        return START + 5 * MINUTE * (np.arange(len(self.close)) + np.cumsum(self.missing))

    @property
    def settlements(self) -> Integers:
        """When rates are settled, ns."""
        return START + 8 * HOUR * np.arange(1, len(self.settled) + 1)

    @property
    def rates(self) -> Floats:
        """Sum of the rates settled since the close before, up to each close."""
        at = np.searchsorted(self.opened + 5 * MINUTE, self.settlements)
        return np.bincount(at, self.settled, len(self.close)).astype(float)

    def tape(self) -> Tape:
        """Bars with two further columns, and settlements at closes."""
        open_ = np.append(100.0, self.close[:-1])
        table = {
            "ts": self.opened,
            "open": open_,
            "high": np.fmax(open_, self.close),
            "low": np.fmin(open_, self.close),
            "close": self.close,
            "volume": np.ones(len(open_)),
            **dict(zip(COLUMNS, self.features.T, strict=True)),
        }
        funding = {"ts": self.settlements, "rate": self.settled, "interval_h": np.full(len(self.settled), 8.0)}
        return Tape.from_bars(table, FINE, interval="5m", extra=COLUMNS, funding=funding if len(self.settled) else None)

    @property
    def costs(self) -> Any:
        return paying(FEE, HALF, Funding.published() if len(self.settled) else None)


def esn(**settings: Any) -> EsnRrl:
    """A small agent that looks at both columns."""
    given: dict[str, Any] = {
        "features": tuple(f"column({name})" for name in COLUMNS),
        "reservoir": SMALL,
        "feedback": 4,
    }
    return EsnRrl(**{**given, **settings})


def slow_run(
    world: World, agent: EsnRrl, seed: int = 0, nudge: tuple[int, float] | None = None
) -> tuple[SlowEsnRrl, Floats]:
    """The slow agent after the world, and the positions that it held from each close on. ``nudge``: at which bar its
    weights are changed, and by how much."""
    slow, positions = SlowEsnRrl(agent, seed), []
    traded, rates, closed = 0.0, world.rates, world.opened + 5 * MINUTE
    for t, close in enumerate(world.close):
        if nudge is not None and t == nudge[0]:
            slow.weights = slow.weights + nudge[1] * np.random.default_rng(0).standard_normal(slow.width)
        found = slow.step(int(closed[t]), world.features[t], close, rates[t], HALF, FEE, world.missing[t] > 0)
        traded = traded if found is None else found
        positions.append(traded)
    return slow, np.array(positions)


def state_of(agent: EsnRrl) -> dict[str, Any]:
    """What the agent has become, by the names of `SlowEsnRrl`."""
    memory: Any = agent._memory
    places = agent.places
    numbers = memory[places[at.NUMBERS] :]
    width, inputs, size = agent.width, agent.inputs, agent.size
    z = memory[places[at.INPUT] :][:width]
    last = memory[places[mine.LAST] :][:width]
    covariance = unpacked(memory[places[mine.COVARIANCE] : places[mine.LAST]], width)
    return {
        "weights": memory[places[mine.WEIGHTS] : places[mine.TRACE]],
        "P": covariance - numbers[mine.PENDING] * np.outer(last, last),
        "x": z[inputs : inputs + size],
        "y": z[inputs + size :],
        "D": memory[places[mine.TRACE] : places[mine.TRACE_BEFORE]],
        "held": numbers[at.POSITION],
        "mean": numbers[at.MEAN],
        "variance": numbers[at.VARIANCE],
        "shadow": numbers[at.SHADOW_MEAN],
        "unpaid": numbers[at.UNPAID],
        "decisions": places[at.DECISIONS],
        "updates": places[at.UPDATES],
        "updates_skipped": places[at.SKIPPED],
        "blind": places[at.BLIND],
        "gate_changes": places[at.GATE_CHANGES],
        "shut": places[at.SHUT],
        "open": places[at.OPEN],
    }


def furthest(agent: EsnRrl, slow: SlowEsnRrl) -> tuple[float, str]:
    """Where both differ most, beside 1 or the largest number of its kind."""
    apart = {}
    for name, found in state_of(agent).items():
        expected = np.atleast_1d(getattr(slow, name))
        apart[name] = float(np.abs(found - expected).max(initial=0.0) / max(1.0, np.abs(expected).max(initial=0.0)))
    name = max(apart, key=lambda each: apart[each])
    return apart[name], name
