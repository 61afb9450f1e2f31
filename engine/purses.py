"""The accounts of a run before it begins: one for each settle currency, what it is worth, and its capital."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from halfspread.engine.codes import BY_PRICE, BY_SERIES, SAME_CURRENCY
from halfspread.engine.feed import Feed
from halfspread.engine.side_data import Prices
from halfspread.engine.sizing import FixedContracts, FixedNotional, Sizing
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError

__all__ = ["Purse", "base_notional", "common_quote", "open_purses", "with_capital"]


@dataclass(frozen=True)
class Purse:
    """One account: its settle currency, how that is valued in the report currency, and its capital in the latter.

    ``rate_instrument``: whose price or series values it. ``rate``: at the first price.
    """

    settle: str
    rate_source: int
    rate_instrument: int
    capital: float
    rate: float


def common_quote(tape: Tape) -> str:
    """The currency that all instruments are quoted in. Raises ConfigError where there are several."""
    quotes = list(dict.fromkeys(instrument.quote for instrument in tape.instruments))
    if len(quotes) > 1:
        raise ConfigError(
            f"report_currency: the instruments are quoted in {', '.join(quotes)}; say which one to report in, and what "
            f"the others are worth, such as report_currency='{quotes[0]}', rates={{'{quotes[1]}': 1.0}}"
        )
    return quotes[0]


def open_purses(tape: Tape, currency: str, rates: dict[str, float]) -> tuple[Purse, ...]:
    """One account for each settle currency, in the order of instruments, without capital yet.

    ``rates``: fixed values of settle currencies in ``currency``. Raises ConfigError where one cannot be valued.
    """
    settles = list(dict.fromkeys(instrument.settle for instrument in tape.instruments))
    unknown = sorted(set(rates) - set(settles))
    if unknown:
        raise ConfigError(
            f"rates: {', '.join(unknown)}: nothing settles in it; there are accounts in {', '.join(settles)}"
        )
    found = []
    for settle in settles:
        if settle in rates and settle != currency:
            _refuse_unless_positive(rates[settle], f"rates: {settle}")
            found.append(Purse(settle, SAME_CURRENCY, -1, 0.0, float(rates[settle])))
            continue
        candidates = [(k, feed) for k, feed in enumerate(tape.feeds) if feed.instrument.settle == settle]
        found.append(_purse(settle, currency, candidates))
    return tuple(found)


def _purse(settle: str, currency: str, candidates: list[tuple[int, Feed]]) -> Purse:
    if settle == currency:
        return Purse(settle, SAME_CURRENCY, -1, 0.0, 1.0)
    for k, feed in candidates:
        if feed.settle_price is not None:
            return Purse(settle, BY_SERIES, k, 0.0, _at_start(feed.settle_price, feed))
    for k, feed in candidates:
        instrument = feed.instrument
        if feed.index is not None and (instrument.base, instrument.quote) == (settle, currency):
            return Purse(settle, BY_SERIES, k, 0.0, _at_start(feed.index, feed))
    for k, feed in candidates:
        if feed.instrument.kind == "inverse" and feed.instrument.quote == currency:
            return Purse(settle, BY_PRICE, k, 0.0, feed.first_price)
    symbols = ", ".join(feed.instrument.symbol for _, feed in candidates)
    raise ConfigError(
        f"{symbols} settles in {settle}: to report in {currency} the tape needs the price "
        f"of {settle} in {currency} (settle_price=), or a fixed rate (rates={{'{settle}': ...}}); "
        f"or report in {settle}"
    )


def _at_start(prices: Prices, feed: Feed) -> float:
    row = int(np.searchsorted(prices.times, feed.start_ns + feed.interval, side="right")) - 1
    return float(prices.prices[max(row, 0)])


def with_capital(
    purses: tuple[Purse, ...], capital: float | Mapping[str, float] | None, notional: float
) -> tuple[Purse, ...]:
    """The purses with their capital: one amount is divided equally between them, none is the notional. Raises
    ConfigError for an amount that is not above zero, and where a mapping does not name each account."""
    if isinstance(capital, Mapping):
        names = [purse.settle for purse in purses]
        if sorted(capital) != sorted(names):
            raise ConfigError(
                f"capital: expected an amount for each account ({', '.join(names)}), in report currency, got "
                f"{', '.join(map(str, capital)) or 'none'}"
            )
        for name, amount in capital.items():
            _refuse_unless_positive(amount, f"capital of {name}")
        shares = [float(capital[name]) for name in names]
    else:
        if capital is not None:
            _refuse_unless_positive(capital, "capital")
        total = notional if capital is None else float(capital)
        shares = [total / len(purses)] * len(purses)
    return tuple(
        Purse(purse.settle, purse.rate_source, purse.rate_instrument, share, purse.rate)
        for purse, share in zip(purses, shares, strict=True)
    )


def _refuse_unless_positive(amount: object, name: str) -> None:
    if isinstance(amount, bool) or not isinstance(amount, (int, float, np.number)) or not 0 < float(amount) < np.inf:
        raise ConfigError(f"{name}: expected an amount above zero, got {amount!r}")


def base_notional(
    tape: Tape, sizing: Sizing, capital: float | Mapping[str, float] | None, purses: tuple[Purse, ...]
) -> float:
    """What a target of 1 stands for at the start, in report currency. Raises ConfigError for a fraction of an equity
    that was not given."""
    if isinstance(sizing, FixedNotional):
        return sizing.amount
    if isinstance(sizing, FixedContracts):
        instrument, price = tape.instrument, tape.feeds[0].first_price
        purse = next(purse for purse in purses if purse.settle == instrument.settle)
        return instrument.notional(sizing.contracts, price) * purse.rate
    if capital is None:
        raise ConfigError("sizing by a fraction of equity needs capital=, the equity at the start in report currency")
    return float(sum(capital.values())) if isinstance(capital, Mapping) else float(capital)
