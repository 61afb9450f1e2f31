"""The contract that market data of the store are about."""

from __future__ import annotations

from halfspread.datafeeds.store.store import Store
from halfspread.engine import instruments
from halfspread.engine.instrument import Instrument
from halfspread.errors import InstrumentError

__all__ = ["contract_of"]


def contract_of(store: Store, venue: str, symbol: str) -> Instrument:
    """The ready-made contract of that name, else one of the venue's rules that were saved with the data. Raises
    InstrumentError where there is neither."""
    try:
        return instruments.get(f"{venue}:{symbol}")
    except InstrumentError as error:
        raise InstrumentError(str(error)) from None
