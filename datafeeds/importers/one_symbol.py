"""A column that names the contract of each row: one contract is imported, and it is the one that was meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.aliases import plain_name
from halfspread.errors import DataError

__all__ = ["OneSymbol", "same_contract"]


@dataclass(frozen=True)
class OneSymbol:
    """``column``: the file's column of names, or None; ``symbol``: the one that is wanted, or None."""

    column: str | None
    symbol: str | None
    what: str

    def told_by(self, sample: Any) -> OneSymbol:
        """The symbol that the file names. Raises DataError where it names several."""
        found = sorted({str(name) for name in (sample if isinstance(sample, list) else sample.to_pylist()) if name})
        if len(found) > 1:
            raise DataError(f"{self.what}: rows of {', '.join(found[:10])}; say which with --symbol")
        return replace(self, symbol=found[0]) if found else self

    def rows(self, names: Any) -> Any:
        """Which rows are of the symbol."""
        import pyarrow as pa

        array = names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names
        array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
        array = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        words = [str(word) for word in array.dictionary.to_pylist()]
        mine = np.array([same_contract(word, self.symbol or "") for word in words] + [False])
        return mine[array.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)]


def same_contract(one: str, other: str) -> bool:
    """Whether two names are of one contract: XBTUSD and BTC/USD:BTC are, BTCUSD and BTCUSDT are not."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    name = name.split(":", maxsplit=1)[0] if "/" in name else name
    return plain_name(name).replace("xbt", "btc")
