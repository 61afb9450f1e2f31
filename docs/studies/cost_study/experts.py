"""Which experts are looked at, with which settings, and which settings of them are tried in the sweeps."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

__all__ = ["EXPERTS", "GRIDS", "LEFT_OUT", "Grid", "agent_setting", "sends_orders"]

#: As in the configs of docs/results where an expert stands there, else the defaults of the expert; none was chosen for
#: its result. `CONTRACTS` stands for the size of a position of an agent that sends orders.
CONTRACTS = "$contracts"
EXPERTS: dict[str, dict[str, Any]] = {
    "buy_and_hold": {},
    "sma_cross": {"fast": 20, "slow": 100},
    "bollinger": {"window": 100, "width": 2.0},
    "donchian_atr": {"channel": 20, "atr_window": 20, "stop_ranges": 2.0, "contracts": CONTRACTS},
    "funding_carry": {"threshold": 1e-4},
    "time_of_day": {},
    "random_turnover": {"turnover": 2.0},
}

#: Built-in agents that have no place here, and why.
LEFT_OUT = {
    "pairs": "trades two instruments",
    "pairs_carry": "trades two instruments",
    "market_maker": "rests on quotes or books, and bars show neither",
    "book_imbalance": "decides on books, and bars show none",
    "twap": "executes a parent order and has no view",
    "almgren_chriss": "executes a parent order and has no view",
}


@dataclass(frozen=True)
class Grid:
    """A sweep of one expert: ``axes`` (name of a setting and its values), ``agent`` makes the parameters of a
    combination, None for one that contradicts itself. ``control``: nothing is searched, only the seed differs."""

    expert: str
    axes: Mapping[str, Sequence[Any]]
    agent: Callable[..., dict[str, Any] | None]
    control: bool = False

    @cached_property
    def settings(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each combination as it is named, and the agent's parameters for it."""
        found = []
        for values in itertools.product(*self.axes.values()):
            named = dict(zip(self.axes, values, strict=True))
            parameters = self.agent(**named)
            if parameters is not None:
                found.append((named, parameters))
        return found


def _crossover(fast: int, slow: int) -> dict[str, Any] | None:
    return {"fast": fast, "slow": slow} if fast < slow else None


def _band(window: int, width: float) -> dict[str, Any] | None:
    """No value lies further than sqrt(n - 1) deviations from the mean of the n values that it is one of."""
    return {"window": window, "width": width} if width < math.sqrt(window - 1) else None


def _breakout(channel: int, stop_ranges: float) -> dict[str, Any]:
    return {"channel": channel, "atr_window": 20, "stop_ranges": stop_ranges, "contracts": CONTRACTS}


def _hours(start: int, hours: int, side: str) -> dict[str, Any]:
    target = 1.0 if side == "long" else -1.0
    return {"hours": [target if (hour - start) % 24 < hours else 0.0 for hour in range(24)]}


GRIDS: dict[str, Grid] = {
    grid.expert: grid
    for grid in (
        Grid(
            "sma_cross",
            {
                "fast": (6, 12, 24, 36, 48, 72, 96, 144, 288, 576),
                "slow": (24, 48, 96, 144, 288, 576, 1152, 2016, 4032, 8640),
            },
            _crossover,
        ),
        Grid(
            "bollinger",
            {"window": (12, 24, 36, 48, 72, 96, 144, 216, 288), "width": (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)},
            _band,
        ),
        Grid(
            "donchian_atr",
            {
                "channel": (12, 24, 48, 72, 96, 144, 288, 576, 1152),
                "stop_ranges": (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0),
            },
            _breakout,
        ),
        Grid(
            "funding_carry",
            {
                "threshold": (0.0, 2.5e-5, 5e-5, 7.5e-5, 1e-4, 1.5e-4, 2e-4, 3e-4, 5e-4),
                "settlements": (1, 2, 3, 6, 9, 15, 21, 30),
            },
            lambda threshold, settlements: {"threshold": threshold, "settlements": settlements},
        ),
        Grid(
            "time_of_day",
            {"start": tuple(range(24)), "hours": (4, 8, 12), "side": ("long", "short")},
            _hours,
        ),
        Grid("random_turnover", {"seed": tuple(range(1, 101))}, lambda seed: {"turnover": 2.0}, control=True),
    )
}


def sends_orders(expert: str) -> bool:
    """Whether an expert sends orders of its own rather than targets."""
    return "contracts" in EXPERTS[expert]


def agent_setting(expert: str, parameters: Mapping[str, Any], contracts: float) -> str:
    """The agent as a setting that replaces those of a config."""
    given = {name: contracts if value == CONTRACTS else value for name, value in parameters.items()}
    inside = ", ".join([f'type = "{expert}"', *(f"{name} = {json.dumps(value)}" for name, value in given.items())])
    return f"agents=[{{ {inside} }}]"
