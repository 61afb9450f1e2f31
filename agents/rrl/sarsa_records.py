"""The part of the memory that is the own of the echo state SARSA agent; what all agents of the family have:
``agents.rrl.records``.

Its inputs stand before the state of the reservoir and the past positions, so that all three are the one vector z that
it decides on, (width,).
"""

from __future__ import annotations

from halfspread.agents.rrl.records import MINE, OWN_NUMBERS

#: Short, flat, long.
ACTIONS = 3

# Settings and counters: units of the reservoir, past positions fed back, inputs + units + positions; the action before
# (0 to 2) and whether there was one; actions that were drawn.
SIZE, LAGS, WIDTH, ACTION, ACTED, EXPLORED = range(MINE, MINE + 6)
# Where parts begin: the packed reservoir and its scratch, weights and eligibility traces (a row of width for each
# action), z of the decision before, values of the actions, and the bits that draws come from (uint64).
RESERVOIR, SCRATCH, WEIGHTS, TRACES, BEFORE, VALUES, RANDOM, END = range(MINE + 6, MINE + 14)

# Numbers: learning rate, discount, decay of traces beside the discount, probability of a drawn action, decisions after
# which rate and probability are half of what they were (0: never), and what the action before is still to pay.
RATE, DISCOUNT, TRACE_DECAY, EXPLORATION, HALVING, OWED = range(OWN_NUMBERS, OWN_NUMBERS + 6)
