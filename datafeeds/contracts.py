"""The contract that market data of the store are about."""

from __future__ import annotations

from halfspread.datafeeds.store.store import Store
from halfspread.engine import instruments
from halfspread.engine.instrument import Instrument
from halfspread.engine.times import time_text
from halfspread.errors import InstrumentError

__all__ = ["contract_of", "contradictions"]


def contract_of(store: Store, venue: str, symbol: str, start: int | None = None, end: int | None = None) -> Instrument:
    """The ready-made contract of that name, else the one that the venue's rules in the store describe between ``start``
    and ``end`` (ns UTC). Raises InstrumentError where there is neither or the symbol comes to name another contract in
    between, and DataError for rules that cannot be read."""
    try:
        return instruments.get(f"{venue}:{symbol}")
    except InstrumentError as error:
        found = _stored(store, venue, symbol, start, end)
        if found is None:
            raise InstrumentError(
                f"{error}. The store has no rules of it either: halfspread data fetch {venue} {symbol} --kind "
                "instrument gets those of bybit; else write its terms as contract = { ... }"
            ) from None
        return found


def contradictions(store: Store, instrument: Instrument, start: int | None = None, end: int | None = None) -> list[str]:
    """Where the rules in the store say otherwise than ``instrument``: a sentence for each."""
    stored = _stored(store, instrument.venue, instrument.symbol, start, end)
    if stored is None:
        return []
    return [
        f"{instrument.name}: {name} is {own:g} in the contract, {theirs:g} in the rules of the venue that were fetched"
        for name, own, theirs in (("tick", instrument.tick, stored.tick), ("lot", instrument.lot, stored.lot))
        if own != theirs
    ]


def _stored(store: Store, venue: str, symbol: str, start: int | None, end: int | None) -> Instrument | None:
    if venue == "bybit":
        from halfspread.datafeeds.bybit.instrument import stored_instrument

        return stored_instrument(store, symbol)
    if venue == "bitmex":
        return _of_bitmex(store, symbol, start, end)
    return None


def _of_bitmex(store: Store, symbol: str, start: int | None, end: int | None) -> Instrument | None:
    from halfspread.datafeeds.bitmex.instruments import contracts

    eras = contracts((each.time, each.content) for each in store.documents("bitmex", symbol, "instrument"))
    if not eras:
        return None
    known = [i for i, (time, _) in enumerate(eras) if start is None or time <= start]
    first = known[-1] if known else 0
    later = [time for time, _ in eras[first + 1 :] if end is None or time < end]
    if later:
        raise InstrumentError(
            f"bitmex:{symbol}: names another contract from {time_text(later[0])} on; cut the market there with start "
            "and end"
        )
    return eras[first][1]
