"""Say what a result rests on: assumptions, warnings, and counts of what was odd in the data."""

from __future__ import annotations

from halfspread.costs.model import Costs
from halfspread.engine.records import BY_PRICE, BY_SERIES, State
from halfspread.engine.tape import Tape
from halfspread.engine.terms import Terms
from halfspread.engine.times import interval_text, time_text

__all__ = ["counts_of", "describe_run", "warnings_of"]

_FILLS = {
    "next_open": "a decision at a bar's close is filled at the open of the next bar",
    "this_close": "a decision at a bar's close is filled at that same close, as if its price could still be traded",
    "next_close": "a decision at a bar's close is filled at the close of the next bar",
}


def describe_run(tape: Tape, terms: Terms, state: State) -> dict[str, str]:
    """Topic and sentence for everything that shapes the numbers."""
    costs, currency = terms.costs, terms.currency
    instrument = tape.instrument
    quotes = tape.quote_column >= 0
    return {
        "data": f"{instrument.venue} {instrument.symbol} ({instrument.kind}), {int(state.holdings[0]['bars']):,} bars "
        f"of {interval_text(tape.interval)}, {time_text(tape.start_ns)} to {time_text(state.run[0]['now'])}",
        "fills": f"{_FILLS[terms.fill]}; market orders, always filled in full, no latency",
        "reference price": "mid of the bars' own quotes, the trade price where a bar has none"
        if quotes
        else "trade prices of the bars",
        "half-spread": costs.half_spread.describe(),
        "fees": costs.fees.describe(instrument.fees),
        "funding": _funding_text(tape, costs, state),
        "impact": "none: orders do not move the market",
        "liquidation": "none: no margin is required, equity may fall below zero (a warning says when it did)",
        "sizing": terms.sizing.describe(currency),
        "capital": f"{terms.capital:,.10g} {currency} at the start, held in {instrument.settle}",
        "currency": _rate_text(tape, currency, terms.rate_source),
        "returns": f"sum of simple returns on a constant notional of {terms.notional:,.10g} {currency}, without what "
        "the margin coin did; the account view compounds and includes it; a year has 365 days",
    }


def _funding_text(tape: Tape, costs: Costs, state: State) -> str:
    if costs.funding.kind == "none":
        return costs.funding.describe()
    without, paid = (int(state.holdings[0][name]) for name in ("settlements_without_mark", "settlements"))
    if paid == 0:
        return f"{costs.funding.describe()}; no position met a settlement"
    on = "the mark price" if without == 0 else "the last price" if without == paid else "the mark, else the last price"
    known = "one interval before" if tape.instrument.funding_known_ahead else "at"
    return f"{costs.funding.describe()}; paid on {on}; a rate is known {known} its settlement"


def _rate_text(tape: Tape, currency: str, source: int) -> str:
    settle = tape.instrument.settle
    if source == BY_PRICE:
        return f"{settle} is valued in {currency} at the contract's own reference price"
    if source == BY_SERIES:
        return f"{settle} is valued in {currency} by the price series of the tape"
    return f"settled and reported in {currency}"


def warnings_of(tape: Tape, terms: Terms, state: State) -> list[str]:
    """What a reader has to know before trusting the numbers."""
    holding, found = state.holdings[0], []
    if not int(state.run[0]["decisions"]):
        found.append(
            f"the agent never decided: it needs {int(state.run[0]['lookback']) + 1} bars, and the data hold "
            f"{int(holding['bars'])}"
        )
    elif not int(holding["fills"]):
        found.append("the agent never traded: it gave no target other than 0, or none worth a lot")
    if int(holding["below_one_lot"]):
        found.append(
            f"{int(holding['below_one_lot'])} targets were worth less than one lot ({tape.instrument.lot:g} contracts) "
            "and counted as 0; size larger"
        )
    lowest_equity = float(state.account[0]["lowest"])
    if lowest_equity <= 0.0:
        found.append(
            f"equity fell to {lowest_equity:,.2f} {terms.currency}: a real account would have been liquidated before; "
            "everything after that is fiction"
        )
    if int(holding["carried_half_spreads"]):
        found.append(f"{int(holding['carried_half_spreads'])} fills had no quote and paid the last half-spread seen")
    if int(holding["fills_after_gap"]):
        found.append(f"{int(holding['fills_after_gap'])} fills waited across a gap in the data for the next open")
    if terms.filled_in:
        found.append(
            f"{len(terms.filled_in)} funding rates were missing and filled in ({terms.costs.funding.describe()}), "
            f"the first for {time_text(terms.filled_in[0])}"
        )
    if int(holding["has_pending"]) and float(holding["pending"]) != float(holding["contracts"]):
        found.append("the data ended before the last order could be filled")
    found += _unverified(tape, terms.costs)
    return found


def _unverified(tape: Tape, costs: Costs) -> list[str]:
    """Facts in the range of the run that no source confirms, those that this run relies on."""
    doubts = tape.instrument.unverified(tape.start_ns, tape.end_ns)
    found = [*doubts.get("contract", ()), *doubts.get("lot", ())]
    found += costs.fees.schedule(tape.instrument.fees).unverified(tape.start_ns, tape.end_ns)
    if costs.half_spread.kind == "ticks":
        found += doubts.get("tick", ())
    return found


def counts_of(tape: Tape, terms: Terms, state: State) -> dict[str, int]:
    """How often the data or the run did something worth knowing."""
    holding = state.holdings[0]
    return {
        "bars": int(holding["bars"]),
        "decisions": int(state.run[0]["decisions"]),
        "fills": int(holding["fills"]),
        "funding_settlements": int(holding["settlements"]),
        "funding_filled_in": len(terms.filled_in),
        "fills_after_gap": int(holding["fills_after_gap"]),
        "carried_half_spreads": int(holding["carried_half_spreads"]),
        **tape.bars.counts,
    }
