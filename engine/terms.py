"""The terms of a run, checked against the tape before the first event: costs, sizing, currency, capital, funding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.costs.funding import FundingTable, complete
from halfspread.costs.model import Costs
from halfspread.engine.instruments import Instrument
from halfspread.engine.recorder import recording_period
from halfspread.engine.records import BY_PRICE, BY_SERIES, NEXT_CLOSE, NEXT_OPEN, SAME_CURRENCY, THIS_CLOSE
from halfspread.engine.sizing import FixedContracts, FixedNotional, Sizing
from halfspread.engine.tape import Tape
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError, DataError

__all__ = ["CONVENTIONS", "Terms", "agree_terms", "rate_source"]

CONVENTIONS = {"next_open": NEXT_OPEN, "this_close": THIS_CLOSE, "next_close": NEXT_CLOSE}


@dataclass(frozen=True)
class Terms:
    """What a run is charged and how it is measured; amounts in report currency.

    ``notional``: base of the constant-notional view. ``period``: nanoseconds between two lines of the attribution.
    ``funding``: settlements, complete where they are charged; ``filled_in``: times of those that the policy filled in.
    """

    costs: Costs
    sizing: Sizing
    fill: str
    currency: str
    rate_source: int
    notional: float
    capital: float
    period: int
    funding: FundingTable | None
    filled_in: list[int]


def agree_terms(
    tape: Tape,
    costs: Costs,
    sizing: Sizing,
    fill: str,
    capital: float | None,
    report_currency: str | None,
    period: str | None,
) -> Terms:
    """Check what was asked for against the tape. Raises ConfigError or DataError with what to change."""
    if fill not in CONVENTIONS:
        raise ConfigError(f"fill: expected one of {', '.join(CONVENTIONS)}, got {fill!r}")
    currency = report_currency or tape.instrument.quote
    source = rate_source(tape.instrument, currency, tape.settle_price is not None)
    if capital is not None:
        _refuse_unless_positive(capital)
    notional = _notional(tape, sizing, capital, currency)
    _refuse_bars_without_quotes(tape, costs)
    funding, filled_in = _funding(tape, costs)
    return Terms(
        costs=costs,
        sizing=sizing,
        fill=fill,
        currency=currency,
        rate_source=source,
        notional=notional,
        capital=notional if capital is None else float(capital),
        period=recording_period(tape.end_ns - tape.start_ns) if period is None else parse_interval(period),
        funding=funding,
        filled_in=filled_in,
    )


def rate_source(instrument: Instrument, report_currency: str, has_series: bool) -> int:
    """How the settle currency is valued in the report currency. Raises ConfigError where that cannot be told."""
    if report_currency == instrument.settle:
        return SAME_CURRENCY
    if has_series:
        return BY_SERIES
    if instrument.kind == "inverse" and report_currency == instrument.quote:
        return BY_PRICE
    raise ConfigError(
        f"{instrument.symbol} settles in {instrument.settle}: to report in {report_currency} the tape needs the price "
        f"of {instrument.settle} in {report_currency} (settle_price=); or report in {instrument.settle}"
    )


def _refuse_unless_positive(capital: object) -> None:
    if not isinstance(capital, (int, float, np.number)) or not 0 < float(capital) < np.inf:
        raise ConfigError(f"capital: expected an amount above zero, got {capital!r}")


def _notional(tape: Tape, sizing: Sizing, capital: float | None, currency: str) -> float:
    if isinstance(sizing, FixedNotional):
        return sizing.amount
    if isinstance(sizing, FixedContracts):
        instrument, price = tape.instrument, tape.bars.first_close
        worth = instrument.notional(sizing.contracts, price)
        return worth * price if instrument.kind == "inverse" and currency == instrument.quote else worth
    if capital is None:
        raise ConfigError("sizing by a fraction of equity needs capital=, the equity at the start in report currency")
    return float(capital)


def _refuse_bars_without_quotes(tape: Tape, costs: Costs) -> None:
    if costs.half_spread.kind == "bars" and tape.quote_column < 0:
        raise DataError(
            f"{tape.bars.source}: the half-spread is to come from the bars, but they have no bid_open, ask_open, "
            f"bid_close, ask_close; found {', '.join(tape.columns)}. Use HalfSpread.ticks, .bps or .price"
        )


def _funding(tape: Tape, costs: Costs) -> tuple[FundingTable | None, list[int]]:
    """The settlements of the run, and the times of those that the policy filled in."""
    if costs.funding.kind == "none":
        if tape.funding is not None:
            tape.funding.check(np.inf)
        return tape.funding, []
    if tape.funding is None:
        raise DataError(
            f"{tape.bars.source}: funding is to be charged, but the tape has no rates: give "
            "Tape.from_bars(funding=...), or say Funding.none() to leave funding out"
        )
    return complete(tape.funding, tape.start_ns, tape.end_ns, costs.funding)
