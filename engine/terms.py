"""The terms of a run, checked against the tape before the first event: costs, sizing, currency, capital, funding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.costs.funding import FundingTable, complete
from halfspread.costs.model import Costs
from halfspread.engine.instruments import Instrument
from halfspread.engine.recorder import recording_period
from halfspread.engine.records import BY_PRICE, BY_SERIES, NEXT_CLOSE, NEXT_OPEN, SAME_CURRENCY, THIS_CLOSE
from halfspread.engine.side_data import refuse_stale
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional, Sizing
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, parse_interval
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
    _refuse_wrong_types(tape, costs, sizing)
    if fill not in CONVENTIONS:
        raise ConfigError(f"fill: expected one of {', '.join(CONVENTIONS)}, got {fill!r}")
    currency = report_currency or tape.instrument.quote
    source = rate_source(tape.instrument, currency, tape.settle_price is not None)
    if capital is not None:
        _refuse_unless_positive(capital)
    notional = _notional(tape, sizing, capital, source)
    _refuse_bars_without_quotes(tape, costs)
    for name, prices in (("mark", tape.mark), ("index", tape.index), ("settle currency", tape.settle_price)):
        if prices is not None:
            refuse_stale(prices, name, tape.start_ns, tape.end_ns)
    funding, filled_in = _funding(tape, costs)
    return Terms(
        costs=costs,
        sizing=sizing,
        fill=fill,
        currency=currency,
        rate_source=source,
        notional=notional,
        capital=notional if capital is None else float(capital),
        period=recording_period(tape.end_ns - tape.start_ns) if period is None else _period(period),
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


def _first_rate(tape: Tape, source: int, first_close: float) -> float:
    """Report currency per unit of settle currency at the first close."""
    if source == BY_SERIES and tape.settle_price is not None:
        row = int(np.searchsorted(tape.settle_price.times, tape.start_ns + tape.interval, side="right")) - 1
        return float(tape.settle_price.prices[max(row, 0)])
    return first_close if source == BY_PRICE else 1.0


def _period(period: str) -> int:
    """Nanoseconds of a recording period. Raises ConfigError where days would not be whole numbers of it."""
    step = parse_interval(period)
    if DAY % step:
        raise ConfigError(
            f"period: expected a part of a day such as '1h' or '1d', because tables are by the day; got {period!r}"
        )
    return step


def _refuse_wrong_types(tape: object, costs: object, sizing: object) -> None:
    for name, value, kinds, remedy in (
        ("tape", tape, (Tape,), "hs.Tape.from_bars(...)"),
        ("costs", costs, (Costs,), "hs.Costs(half_spread=..., fees=..., funding=...)"),
        ("sizing", sizing, (FixedNotional, FixedContracts, EquityFraction), "hs.FixedNotional(10_000)"),
    ):
        if not isinstance(value, kinds):
            raise ConfigError(f"{name}: expected {remedy}, got {type(value).__name__}")


def _refuse_unless_positive(capital: object) -> None:
    if isinstance(capital, bool) or not isinstance(capital, (int, float, np.number)) or not 0 < float(capital) < np.inf:
        raise ConfigError(f"capital: expected an amount above zero, got {capital!r}")


def _notional(tape: Tape, sizing: Sizing, capital: float | None, source: int) -> float:
    if isinstance(sizing, FixedNotional):
        return sizing.amount
    if isinstance(sizing, FixedContracts):
        instrument, price = tape.instrument, tape.bars.first_close
        return instrument.notional(sizing.contracts, price) * _first_rate(tape, source, price)
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
