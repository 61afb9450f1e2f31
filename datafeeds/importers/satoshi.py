"""Turnover of BitMEX's inverse contracts, which the venue and many files of it count in satoshi, in XBT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.where import Where
from halfspread.datafeeds.store.series import Series

__all__ = ["in_coins", "is_inverse"]

_INVERSE = re.compile(r"XBT(USD|[FGHJKMNQUVXZ]\d\d)")
SATOSHI = 1e-8


def is_inverse(series: Series) -> bool:
    """Whether the contract is one of BitMEX that pays in XBT, one USD each: then volume / turnover is a price."""
    return series.venue == "bitmex" and _INVERSE.fullmatch(series.symbol) is not None


def in_coins(blocks: Iterator[tuple[Any, Where]], told: list[str]) -> Iterator[tuple[Any, Where]]:
    """Bars with their turnover in XBT: where turnover * price / volume of the first ones that traded is 1e8 (median, to
    1 %), it is in satoshi. Bars without a column of turnover stay as they are."""
    import pyarrow as pa

    scale = 0.0  # not known yet
    for table, where in blocks:
        if "turnover" not in table.column_names:
            yield table, where
            continue
        volume, turnover, close = (table.column(name).to_numpy() for name in ("volume", "turnover", "close"))
        traded = (volume > 0) & (turnover > 0)
        if not scale and traded.any():
            ratio = float(np.median(turnover[traded] * close[traded] / volume[traded]))
            scale = SATOSHI if abs(ratio * SATOSHI - 1.0) < 0.01 else 1.0
            if scale == SATOSHI:
                told.append("turnover is in satoshi: put into XBT")
        if scale in (0.0, 1.0):
            yield table, where
            continue
        at = table.column_names.index("turnover")
        coins = pa.array(turnover * SATOSHI, pa.float64(), from_pandas=True)
        yield table.set_column(at, "turnover", coins), where
