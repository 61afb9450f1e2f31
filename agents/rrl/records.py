"""The memory of the agents of this family: an array of float64 that begins with whole numbers in the bits of its first
places (int64): settings, counters, and where each part begins.

A memory is all that an agent is: saved and loaded again it goes on with the same bits.
"""

from __future__ import annotations

# Settings.
FEATURES, INSTRUMENTS, TRADED, UNITS, CARRY_ON, ON_GAP, GATED, GATE_EVERY, FEEDS_TRADED = range(9)
#: What has happened: decisions, updates of the weights, decisions skipped for numbers that are not finite (features or
#: price), updates skipped (reward or gradient), gaps in the market, resets at them, whether the gate is open, its
#: changes, decisions at which it was shut.
DECISIONS, UPDATES, BLIND, SKIPPED, GAPS, RESETS, OPEN, GATE_CHANGES, SHUT = range(9, 18)
#: 1 from a gap to the next decision that is made; nanoseconds missing before the last bar.
AFTER_GAP, LAST_GAP = 18, 19
# Where each part begins that all of them have: the plan of the features, what these keep, the agent's own past, the
# inputs (features, then a constant 1), and the numbers below.
PLAN, KEPT, OWN, INPUT, NUMBERS = range(21, 26)
#: The first place that is each agent's own.
MINE = 26
HEADER = 64

# Numbers: settings, then what is kept from decision to decision, then the terms of the present decision. Prices,
# rewards and costs in learning units, for one unit of position.
CLIP, DECAY, GATE_DECAY, SCALE = range(4)
PRICE, UNPAID, POSITION, MEAN, VARIANCE, SHADOW_MEAN, LAST_TIME = range(4, 11)
MOVE, COST, CARRY, ELAPSED, REWARD = range(11, 16)
#: The first number that is each agent's own.
OWN_NUMBERS = 17
NUMBERS_KEPT = 32

# Learning units: of the price (quote currency), or of the return times so much.
OF_PRICE, OF_RETURN = 0, 1
# Which position pays the funding that is settled at a decision: the one carried into it, or the one just chosen.
CARRIED, CHOSEN = 0, 1
# What is done after a gap in the market.
GO_ON, RESET = 0, 1
