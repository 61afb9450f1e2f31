"""Numbers that stand for features, and the layout of the arrays that their kernel takes."""

from __future__ import annotations

# A line of a plan: the feature, its instrument, two parameters, and where its state begins.
CODE, INSTRUMENT, FIRST, SECOND, STATE_AT, PLAN_WIDTH = range(6)

# Of bars.
COLUMN = 0
LOG_RETURN = 1
MOMENTUM = 2
VOLATILITY = 3
VOLUME_RATIO = 4
SIGNED_VOLUME = 5
BAR_RANGE = 6
RANGE_POSITION = 7
AVERAGE_GAP = 8
STRENGTH = 9
VOLUME_LEVEL = 10
# Of bars that fade.
FADED_VOLATILITY = 11
SCALED_RETURN = 12
VOLUME_SCORE = 13
SIGNED_SHARE = 14
SCALED_RANGE = 15
# Of the clock and of funding.
DAY_SINE = 20
DAY_COSINE = 21
WEEK_SINE = 22
WEEK_COSINE = 23
TO_FUNDING = 24
LAST_FUNDING = 25
NEXT_FUNDING = 26
BASIS = 27
# Of quotes, books and trades.
IMBALANCE = 40
SPREAD = 41
MICRO_PRICE = 42
TRADE_FLOW = 43
FLOW_STATE = 5  # bought and sold at the last trade, signed volume, volume, time of the last trade (int64 in its bits)
MICRO_VOLATILITY = 44
MICRO_STATE = 3  # mid, sum of squares, time of that mid (int64 in its bits)
DEPTH_IMBALANCE = 45
# Of the agent itself.
POSITION = 60
OPEN_PNL = 61
AGE = 62
COOL_DOWN = 63

# What features of bars that fade have in common, each followed once: a line of the plan behind those of the features,
# with its half-life first and the fade of one bar second.
FOLLOW_MOVES = 80
BARS_SEEN, MOVE_SUM, MOVE_WEIGHT, DEVIATION, LAST_MOVE, MOVES_STATE = range(6)  # the first int64 in its bits
FOLLOW_VOLUME = 81
_, LEVEL_SUM, LEVEL_SQUARES, LEVEL_WEIGHT, MEAN_BEFORE, SPREAD_BEFORE, LEVEL_NOW, VOLUME_STATE = range(8)

# What is kept of the agent's own past, one line for each instrument; ON_BARS says whether its history is one of bars.
HELD, MOVED, STEPS, LEFT_AGO, LAST_PRICE, ON_BARS, OWN_WIDTH = range(7)
