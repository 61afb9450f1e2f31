"""Names of members that messages are read by: what each means, told from its bytes."""

from __future__ import annotations

from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel

Array = Any

# What the names of members mean.
NOTHING, TOPIC, TYPE, TIME, CTS, DATA, TABLE, ACTION, STREAM = 0, 1, 2, 3, 4, 5, 6, 7, 8
SYMBOL_S, U, FIRST_U, PU, BIDS, ASKS, BID_SIZE, ASK_SIZE = 9, 10, 11, 12, 13, 14, 15, 16
EVENT, EVENT_TIME, TRADE_TIME, TRADE_ID, PRICE_P, SIZE_Q, MAKER, KIND = 17, 18, 19, 20, 21, 22, 23, 24
SIDE_S, SIZE_V, NAME_I, BLOCK, RPI, ROW_ID = 25, 26, 27, 28, 29, 30
SIDE, SIZE, PRICE, SYMBOL, MEX_BID_SIZE, MEX_ASK_SIZE, MEX_BID, MEX_ASK, TIMESTAMP, MATCH_ID = (
    31,
    32,
    33,
    34,
    35,
    36,
    37,
    38,
    39,
    40,
)
FIELDS = 41


@inner_kernel
def code_of(data: Array, start: int, end: int) -> int:
    """What the name from ``start`` to ``end`` means."""
    length = end - start
    if length > 10:
        return NOTHING
    key, more = 0, 0
    for i in range(start, min(end, start + 7)):
        key = key * 256 + data[i]
    for i in range(start + 7, end):
        more = more * 256 + data[i]
    if length <= 7:
        return _short(key)
    if key == 0x62696450726963 and more == 0x65:
        return MEX_BID
    if key == 0x61736B50726963 and more == 0x65:
        return MEX_ASK
    if key == 0x74696D65737461 and more == 0x6D70:
        return TIMESTAMP
    if key == 0x7472644D617463 and more == 0x684944:
        return MATCH_ID
    return NOTHING


@loop_kernel
def _short(key: int) -> int:
    """What a name of at most seven bytes means."""
    if key == 0x62:
        return BIDS
    if key == 0x61:
        return ASKS
    if key == 0x42:
        return BID_SIZE
    if key == 0x41:
        return ASK_SIZE
    if key == 0x73:
        return SYMBOL_S
    if key == 0x75:
        return U
    if key == 0x55:
        return FIRST_U
    if key == 0x65:
        return EVENT
    if key == 0x45:
        return EVENT_TIME
    if key == 0x54:
        return TRADE_TIME
    if key == 0x74:
        return TRADE_ID
    if key == 0x70:
        return PRICE_P
    if key == 0x71:
        return SIZE_Q
    if key == 0x6D:
        return MAKER
    if key == 0x58:
        return KIND
    if key == 0x53:
        return SIDE_S
    if key == 0x76:
        return SIZE_V
    if key == 0x69:
        return NAME_I
    if key == 0x7473:
        return TIME
    if key == 0x7075:
        return PU
    if key == 0x6964:
        return ROW_ID
    if key == 0x4254:
        return BLOCK
    if key == 0x637473:
        return CTS
    if key == 0x525049:
        return RPI
    if key == 0x74797065:
        return TYPE
    if key == 0x64617461:
        return DATA
    if key == 0x73696465:
        return SIDE
    if key == 0x73697A65:
        return SIZE
    if key == 0x746F706963:
        return TOPIC
    if key == 0x7461626C65:
        return TABLE
    if key == 0x7072696365:
        return PRICE
    if key == 0x616374696F6E:
        return ACTION
    if key == 0x73747265616D:
        return STREAM
    if key == 0x73796D626F6C:
        return SYMBOL
    if key == 0x62696453697A65:
        return MEX_BID_SIZE
    if key == 0x61736B53697A65:
        return MEX_ASK_SIZE
    return NOTHING
