"""A compiled agent that sends the orders of a script through ``engine.order_kernels`` gets what the Python one gets."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pytest

from halfspread.engine.agent_functions import OK, compiled_agent
from halfspread.engine.order_kernels import (
    amend_order,
    cancel_all,
    cancel_order,
    limit_order,
    market_order,
    stop_limit_order,
    stop_order,
    take_profit_order,
)
from tests.engine.engine_adapter import FULL, run_engine, subscriptions
from tests.engine.reference_terms import Amend, Cancel, CancelAll, Place
from tests.engine.strategies_for_orders import Scenario, random_scenario

WIDTH = 8
TARGET, CANCEL, AMEND, ALL = range(6, 10)  # beside the kinds of order, 1 to 5
KINDS = ("market", "limit", "stop", "stop_limit", "take_profit")


@compiled_agent
def decide(context: Any, memory: Any, history: Any, row: int) -> int:
    """``memory``: number of the call, place of the next line, then lines of call, what, which, contracts, price,
    trigger, flags."""
    at = int(memory[1])
    while at < memory.shape[0] and memory[at] == memory[0]:
        what, k = int(memory[at + 1]), int(memory[at + 2])
        contracts, price, trigger, flags = memory[at + 3], memory[at + 4], memory[at + 5], int(memory[at + 6])
        if what == 1:
            market_order(context, k, contracts, flags)
        elif what == 2:
            limit_order(context, k, contracts, price, flags)
        elif what == 3:
            stop_order(context, k, contracts, trigger, flags)
        elif what == 4:
            stop_limit_order(context, k, contracts, trigger, price, flags)
        elif what == 5:
            take_profit_order(context, k, contracts, trigger, flags)
        elif what == 6:
            context.targets[k] = contracts
        elif what == 7:
            cancel_order(context, k)
        elif what == 8:
            amend_order(context, k, contracts, price)
        else:
            cancel_all(context, k)
        at += 8
    memory[0] += 1
    memory[1] = at
    return OK


def lines_of(scenario: Scenario) -> list[float]:
    found: list[tuple[float, ...]] = []
    for call in sorted(scenario.table):
        for request in scenario.table[call].requests:
            if isinstance(request, Place):
                what, which = KINDS.index(request.kind) + 1, request.instrument
                amounts: tuple[float | None, ...] = (
                    request.contracts, request.price, request.trigger, request.flags
                )  # fmt: skip
            elif isinstance(request, Amend):
                what, which, amounts = AMEND, request.order, (request.contracts, request.price, None, 0)
            elif isinstance(request, Cancel):
                what, which, amounts = CANCEL, request.order, (None, None, None, 0)
            else:
                assert isinstance(request, CancelAll)
                what, which, amounts = ALL, request.instrument, (None, None, None, 0)
            numbers = (math.nan if amount is None else float(amount) for amount in amounts)
            found.append((call, what, which, *numbers, 0.0))
        for k, wanted in scenario.table[call].targets.items():
            found.append((call, TARGET, k, wanted / FULL, math.nan, math.nan, 0.0, 0.0))
    return [number for line in found for number in line]


class Compiled:
    """The script in compiled code."""

    lookback = 0
    function = decide

    def __init__(self, scenario: Scenario) -> None:
        self.events = subscriptions(scenario)
        self.lines = lines_of(scenario)

    def reset(self, rng: Any, instruments: Any) -> None:
        """Nothing to forget."""

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([0.0, 2.0, *self.lines])


@pytest.mark.parametrize("kind", ["bar", "quote", "book", "trade"])
@pytest.mark.parametrize("instruments", [1, 2])
def test_the_same_orders_in_compiled_code_give_the_same_bits(kind: str, instruments: int) -> None:
    orders = 0
    for seed in range(15):
        scenario = random_scenario(Random(seed), (kind,), instruments)
        mine, _ = run_engine(scenario, Compiled(scenario))
        other, _ = run_engine(scenario)
        for name in ("fill_records", "order_records", "period_records"):
            assert getattr(mine, name).tobytes() == getattr(other, name).tobytes(), (seed, name)
        orders += len(mine.order_records)
    assert orders > 100
