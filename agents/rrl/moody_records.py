"""The part of the memory that is the own of the learner of Moody and Saffell; what all agents of the family have:
``agents.rrl.records``.

Its inputs stand before its last position, so that both are the one vector z that it decides on, (width,).
"""

from __future__ import annotations

from halfspread.agents.rrl.records import MINE, OWN_NUMBERS

# Settings and counters: inputs + 1, rewards that only fill the moments before it learns, rewards counted, updates whose
# step was shortened.
WIDTH, FIRST_REWARDS, REWARDS, SHORTENED = range(MINE, MINE + 4)
# Where parts begin: weights, the derivative of the position by them now and at the decision before, the gradient.
WEIGHTS, TRACE, TRACE_BEFORE, GRADIENT, END = range(MINE + 4, MINE + 9)

# Numbers: learning rate, share of the weights that decays for each unit of it, least deviation as a share of that of a
# position of 1, longest step; mean square of the reward, and of the reward of a position of 1.
RATE, FADE, LEAST, LONGEST, SQUARE, MARKET = range(OWN_NUMBERS, OWN_NUMBERS + 6)
