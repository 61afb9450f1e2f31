"""The part of the memory that is the ESN-RRL agent's own; what all agents of the family have: ``agents.rrl.records``.

Its inputs stand before the state of the reservoir and the past positions, so that all three are the one vector z that
it decides on, (width,).
"""

from __future__ import annotations

from halfspread.agents.rrl.records import MINE, OWN_NUMBERS

# Settings: units of the reservoir, past positions fed back, inputs + units + positions, how the gradient is taken,
# whether the update is stabilised, whether the utility's derivative is exact.
SIZE, LAGS, WIDTH, GRADIENT, STABILISED, EXACT_UTILITY = range(MINE, MINE + 6)
# Where parts begin: the packed reservoir and its scratch; covariance, P g of the last update, gradient and P g, which
# are padded (`ekf_kernels`); weights; derivatives of the position by the weights: now, before, its direct part before,
# of the last positions (lags, width), of the reservoir's state (size, width) and the next one, slopes of its units, and
# W and the feedback weights, dense.
RESERVOIR, SCRATCH, COVARIANCE, LAST, GRADIENTS, PRODUCT, WEIGHTS = range(MINE + 6, MINE + 13)
TRACE, TRACE_BEFORE, DIRECT_BEFORE, TRACES, STATE_TRACE, NEXT_STATE_TRACE, BENDS, DENSE = range(MINE + 13, MINE + 21)
END = MINE + 21

# Numbers: decay of the update, risk appetite, information ratio that it is derived from (a year; 0: it is given), leak
# of the reservoir, and what is left to subtract from the covariance: PENDING x (last x last).
TAU, RISK, RATIO, LEAK, PENDING = range(OWN_NUMBERS, OWN_NUMBERS + 5)

#: How the derivative of the position is taken.
DIRECT, PAPER, RECURSIVE, ALL_LAGS, EXACT = range(5)
