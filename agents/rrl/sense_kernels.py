"""What an online learner senses at a decision: its inputs, and price move, cost and funding in its learning units.

Memory as in ``agents.rrl.records``; context and history as in ``engine.agent_functions``. Learning units: the price
difference in quote currency, or the return times a scale (1e2: percent, 1e4: basis points). A decision with an input or
a price that is not finite is left out: the next one spans both. Rewards are those of Borrageiro, Firoozye and Barucca
(2022), equation 8.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.agents.features.kernels import observe
from halfspread.agents.features.records import (
    CODE,
    COLUMN,
    FIRST,
    INSTRUMENT,
    LAST_PRICE,
    ON_BARS,
    OWN_WIDTH,
    PLAN_WIDTH,
)
from halfspread.agents.rrl.records import (
    AFTER_GAP,
    BLIND,
    CARRY,
    CARRY_ON,
    CHOSEN,
    COST,
    DECISIONS,
    ELAPSED,
    FEATURES,
    GAPS,
    HEADER,
    INPUT,
    INSTRUMENTS,
    KEPT,
    LAST_GAP,
    LAST_TIME,
    MEAN,
    MOVE,
    NUMBERS,
    NUMBERS_KEPT,
    OF_PRICE,
    ON_GAP,
    OWN,
    PLAN,
    POSITION,
    PRICE,
    RESET,
    REWARD,
    SCALE,
    TRADED,
    UNITS,
    UNPAID,
    VARIANCE,
)
from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.codes import BAR_CLOSE

Array = Any
Record = Any


@loop_kernel
def look(memory: Array, places: Array, context: Record, history: Array) -> bool:
    """Fill the inputs; whether all of them, and all columns of bars that they are made of, are finite."""
    count = places[FEATURES]
    inputs = memory[places[INPUT] : places[INPUT] + count]
    lines = (places[KEPT] - places[PLAN]) // PLAN_WIDTH  # of features, and of what several of them follow
    plan = memory[places[PLAN] : places[KEPT]].reshape((lines, PLAN_WIDTH))
    own = memory[places[OWN] : places[OWN] + places[INSTRUMENTS] * OWN_WIDTH].reshape((places[INSTRUMENTS], OWN_WIDTH))
    observe(plan, memory[places[KEPT] : places[OWN]], own, context, history, inputs)
    finite = True
    for i in range(count):
        finite = finite and math.isfinite(inputs[i])
    for i in range(lines):
        if plan[i, CODE] == COLUMN:  # a feature is 0 where the data hold no number; nothing is learnt from that
            row = context.rows[int(plan[i, INSTRUMENT])]
            finite = finite and math.isfinite(history[row, int(plan[i, FIRST])])
    return finite


@inner_kernel
def notice_gap(places: Array, mine: Array, context: Record, k: int) -> None:
    """Remember that bars are missing before the one that has just closed, until a decision is made. Of several
    instruments the bar may be another one's, and the gap one that was noticed already."""
    if context.kind & BAR_CLOSE == 0 or mine[ON_BARS] == 0.0:
        return
    gap, before = context.gap[k], places[LAST_GAP]
    if gap > 0 and (places[INSTRUMENTS] == 1 or gap != before):
        places[GAPS] += 1
        places[AFTER_GAP] = 1
    places[LAST_GAP] = gap


@inner_kernel
def begins_anew(places: Array) -> bool:
    """Whether the past is to be forgotten at this decision, the first one after a gap."""
    after = places[AFTER_GAP] != 0
    places[AFTER_GAP] = 0
    return after and places[ON_GAP] == RESET  # type: ignore[no-any-return]


@loop_kernel
def sense(memory: Array, context: Record, history: Array) -> bool:
    """Look, and set move, cost, carry and time elapsed since the last decision; False where that cannot be done, and
    nothing is to be decided."""
    places = memory[:HEADER].view(np.int64)
    numbers = memory[places[NUMBERS] : places[NUMBERS] + NUMBERS_KEPT]
    k = places[TRADED]
    seen = look(memory, places, context, history)
    mine = memory[places[OWN] + k * OWN_WIDTH : places[OWN] + (k + 1) * OWN_WIDTH]
    price = mine[LAST_PRICE]
    numbers[UNPAID] += context.funded[k]
    notice_gap(places, mine, context, k)
    if not (seen and price > 0.0 and math.isfinite(price)):
        places[BLIND] += 1
        return False
    before, rate = numbers[PRICE], numbers[UNPAID]
    half, fee = context.half_spread[k], context.taker_fee[k]
    if places[UNITS] == OF_PRICE:
        numbers[MOVE] = price - before if before > 0.0 else 0.0
        numbers[COST] = fee * price + half
        numbers[CARRY] = rate * price
    else:
        scale = numbers[SCALE]
        numbers[MOVE] = (price / before - 1.0) * scale if before > 0.0 else 0.0
        numbers[COST] = (fee + half / price) * scale
        numbers[CARRY] = rate * scale
    numbers[ELAPSED] = context.time - numbers[LAST_TIME] if before > 0.0 else 0.0
    numbers[PRICE], numbers[UNPAID], numbers[LAST_TIME] = price, 0.0, context.time
    places[DECISIONS] += 1
    return True


@inner_kernel
def reward_of(places: Array, numbers: Array, chosen: float) -> float:
    """What the position held until now has earned, less the cost of changing it to ``chosen``, and funding."""
    held = numbers[POSITION]
    paying = chosen if places[CARRY_ON] == CHOSEN else held
    return numbers[MOVE] * held - numbers[COST] * abs(chosen - held) - numbers[CARRY] * paying  # type: ignore[no-any-return]


@inner_kernel
def add_to_moments(numbers: Array, decay: float) -> None:
    """Bring the decaying mean and variance of the reward up to date; the deviation is from the new mean."""
    reward = numbers[REWARD]
    numbers[MEAN] = decay * numbers[MEAN] + (1.0 - decay) * reward
    away = reward - numbers[MEAN]
    numbers[VARIANCE] = decay * numbers[VARIANCE] + (1.0 - decay) * away * away
