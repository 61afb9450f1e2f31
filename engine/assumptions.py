"""Say what a result rests on: assumptions, warnings, and counts of what was odd in the data."""

from __future__ import annotations

import numpy as np

from halfspread.costs.model import Costs
from halfspread.engine.codes import BAR_CLOSE, BOOK, BY_PRICE, BY_SERIES, QUOTE, TRADE
from halfspread.engine.feed import Feed
from halfspread.engine.order_records import REASONS, REJECTED
from halfspread.engine.purses import Purse
from halfspread.engine.records import Records, State
from halfspread.engine.tape import Tape
from halfspread.engine.terms import Terms
from halfspread.engine.times import interval_text, time_text

__all__ = ["counts_of", "describe_run", "warnings_of"]

_FILLS = {
    "next_open": "a decision at a bar's close is filled at the open of the next bar",
    "this_close": "a decision at a bar's close is filled at that same close, as if its price could still be traded",
    "next_close": "a decision at a bar's close is filled at the close of the next bar",
    "next_event": "a decision is filled at the first event of the market after it that its order can reach",
    "this_event": "a decision is filled against what is in force when its order arrives",
}
_MATCHING = {
    "pessimistic": "whoever leaves a queue stood behind us, a limit on bars has to be traded through, a stop comes "
    "before a take-profit",
    "optimistic": "whoever leaves a queue stood ahead of us, a limit on bars need only be touched, a take-profit comes "
    "before a stop",
}
_MARKETS = {
    "books": "walks the levels that book snapshots show",
    "quotes": "takes what the quotes show",
    "trades": "pays around the next trade",
    "bars": "pays around the price of the bar",
}


#: The table that an agent sees, by the kind of its events.
HISTORIES = {BAR_CLOSE: "bars", QUOTE: "quotes", BOOK: "book snapshots", TRADE: "trades"}


def describe_run(tape: Tape, terms: Terms, state: State) -> dict[str, str]:
    """Topic and sentence for everything that shapes the numbers."""
    costs, currency, margin = terms.costs, terms.currency, terms.execution.margin
    latency = "no latency" if costs.latency.is_zero else costs.latency.describe()
    markets = list(dict.fromkeys(_MARKETS[feed.market] for feed in tape.feeds))
    return {
        "data": "; ".join(_data_text(feed) for feed in tape.feeds)
        + f"; {time_text(tape.start_ns)} to {time_text(state.run['now'])}",
        "fills": f"{_FILLS[terms.fill]}; a taker {' or '.join(markets)}; {latency}",
        "queues": f"{terms.execution.matching}: {_MATCHING[terms.execution.matching]}",
        "reference price": "; ".join(dict.fromkeys(_reference_text(feed) for feed in tape.feeds)),
        "half-spread": costs.half_spread.describe(),
        "fees": "; ".join(dict.fromkeys(costs.fees.describe(feed.instrument.fees) for feed in tape.feeds)),
        "funding": _funding_text(tape, costs, state),
        "impact": costs.impact.describe(),
        "margin": margin.describe(),
        "sizing": terms.sizing.describe(currency),
        "capital": ", ".join(
            f"{purse.capital:,.10g} {currency} at the start, held in {purse.settle}" for purse in terms.purses
        ),
        "currency": "; ".join(_rate_text(purse, tape, currency) for purse in terms.purses),
        "returns": f"sum of simple returns on a constant notional of {terms.notional:,.10g} {currency}, without what "
        "the margin coin did; the account view compounds and includes it; a year has 365 days",
    }


def _data_text(feed: Feed) -> str:
    instrument = feed.instrument
    return f"{instrument.venue} {instrument.symbol} ({instrument.kind}), {feed.describe()}"


def _reference_text(feed: Feed) -> str:
    if feed.market in ("books", "quotes"):
        return f"mid of the {feed.market}"
    if feed.market == "trades":
        return "last trade"
    if feed.quote_column >= 0:
        return f"mid of the bars' own quotes, the trade price where a bar has none{_carry_text(feed)}"
    return "trade prices of the bars"


def _carry_text(feed: Feed) -> str:
    bars = feed.bars
    if bars is None or not bars.carry_limit:
        return ""
    return (
        f"; {bars.counts.get('quotes_carried', 0):,} of {len(bars):,} bars came without a quote and were given the "
        f"last bid and ask, no older than {interval_text(bars.carry_limit)}"
    )


def _funding_text(tape: Tape, costs: Costs, state: State) -> str:
    if costs.funding.kind == "none":
        return costs.funding.describe()
    without, paid = (int(state.holdings[name].sum()) for name in ("settlements_without_mark", "settlements"))
    if paid == 0:
        return f"{costs.funding.describe()}; no position met a settlement"
    on = "the mark price" if without == 0 else "the last price" if without == paid else "the mark, else the last price"
    ahead = {feed.instrument.funding_known_ahead for feed in tape.feeds}
    known = " or ".join("one interval before" if each else "at" for each in sorted(ahead, reverse=True))
    return f"{costs.funding.describe()}; paid on {on}; a rate is known {known} its settlement"


def _rate_text(purse: Purse, tape: Tape, currency: str) -> str:
    if purse.rate_source == BY_PRICE:
        return f"{purse.settle} is valued in {currency} at the contract's own reference price"
    if purse.rate_source == BY_SERIES:
        kind = "price series" if tape.feeds[purse.rate_instrument].settle_price is not None else "index price"
        return f"{purse.settle} is valued in {currency} by the {kind} of the tape"
    if purse.settle == currency:
        return f"settled and reported in {currency}"
    return f"{purse.settle} is counted as {purse.rate:g} {currency} at all times"


def warnings_of(tape: Tape, terms: Terms, state: State, orders: Records) -> list[str]:
    """What a reader has to know before trusting the numbers."""
    run, holdings = state.run, state.holdings
    found = [*_activity(tape, state, orders), *(remark for feed in tape.feeds for remark in feed.remarks)]
    lowest = round(float(run["lowest"]), 2) + 0.0  # no "-0.00"
    if int(run["liquidations"]):
        times = "once" if int(run["liquidations"]) == 1 else f"{int(run['liquidations'])} times"
        lost = float(holdings["liquidation_report"].sum())
        found.append(
            f"positions were liquidated {times} (liquidation {lost:+,.2f} {terms.currency}); equity fell to "
            f"{lowest:,.2f} {terms.currency}"
        )
    elif lowest <= 0.0:
        found.append(
            f"equity fell to {lowest:,.2f} {terms.currency}: a real account would have been liquidated before; "
            "everything after that is fiction"
        )
    refused = int(holdings["refused_targets"].sum())
    if refused:
        found.append(f"{refused} targets were refused for lack of margin, or above their tier")
    carried, waited = (int(holdings[name].sum()) for name in ("carried_half_spreads", "fills_after_gap"))
    if carried:
        found.append(f"{carried} fills had no quote and paid the last half-spread seen")
    if waited:
        found.append(f"{waited} fills waited across a gap in the data for the next open")
    if terms.filled_in:
        found.append(
            f"{len(terms.filled_in)} funding rates were missing and filled in ({terms.costs.funding.describe()}), "
            f"the first for {time_text(terms.filled_in[0])}"
        )
    if any(int(each["has_pending"]) and float(each["pending"]) != float(each["contracts"]) for each in holdings):
        found.append("the data ended before the last order could be filled")
    if terms.costs.funding.sign == "flipped":
        found.append(
            "the sign of every funding rate is flipped: no venue pays so, and no trader could have earned this"
        )
    found += _choice(terms, state)
    for feed in tape.feeds:
        found += _unverified(feed, terms)
    return list(dict.fromkeys(found))


def _activity(tape: Tape, state: State, orders: Records) -> list[str]:
    """Whether the agent decided and traded at all, and what of it was refused."""
    run, holdings, found = state.run, state.holdings, []
    if not int(run["decisions"]):
        rows = HISTORIES[int(run["history_kinds"])]
        found.append(
            f"the agent never decided: it needs {int(run['lookback']) + 1} {rows}, and the data hold "
            f"{int(state.context['seen'][: len(holdings)].min())}; or nothing that it subscribes to has happened"
        )
    elif not int(holdings["fills"].sum()):
        tried = len(orders) or int(holdings["refused_targets"].sum())
        found.append(
            "the agent never traded: none of its orders was filled"
            if tried
            else "the agent never traded: it gave no target other than 0, or none worth a lot"
        )
    for feed, holding in zip(tape.feeds, holdings, strict=True):
        if int(holding["below_one_lot"]):
            found.append(
                f"{int(holding['below_one_lot'])} targets were worth less than one lot ({feed.instrument.lot:g} "
                "contracts) and counted as 0; size larger"
            )
    rejected = orders[orders["state"] == REJECTED]
    if len(rejected):
        reasons, counts = np.unique(rejected["reason"], return_counts=True)
        text = ", ".join(f"{REASONS[reason]} {count:,}" for reason, count in zip(reasons, counts, strict=True))
        found.append(f"{len(rejected):,} of {len(orders):,} orders and requests were rejected: {text}")
    return found


def _choice(terms: Terms, state: State) -> list[str]:
    """How far the run depends on what was assumed about queues and the order of prices."""
    run = state.run
    fills, missed = int(run["choice_fills"]), int(run["choice_missed"])
    if not fills and not missed:
        return []
    other = "optimistic" if terms.execution.matching == "pessimistic" else "pessimistic"
    return [
        f"{fills:,} of {int(state.holdings['fills'].sum()):,} fills, and {missed:,} orders that were not filled, "
        f"depend on matching = '{terms.execution.matching}'; compare with '{other}'"
    ]


def _unverified(feed: Feed, terms: Terms) -> list[str]:
    """Facts in the range of the run that no source confirms, those that this run relies on."""
    costs = terms.costs
    doubts = feed.instrument.unverified(feed.start_ns, feed.end_ns)
    found = [*doubts.get("contract", ()), *doubts.get("lot", ())]
    found += costs.fees.schedule(feed.instrument.fees).unverified(feed.start_ns, feed.end_ns)
    if costs.half_spread.kind == "ticks":
        found += doubts.get("tick", ())
    return found


def counts_of(tape: Tape, terms: Terms, state: State, orders: Records) -> dict[str, int]:
    """How often the data or the run did something worth knowing."""
    run, holdings = state.run, state.holdings
    of_data: dict[str, int] = {}
    for feed in tape.feeds:
        for counts in (feed.counts, *(feed.table(kind).counts for kind in feed.kinds)):
            for name, count in counts.items():
                of_data[name] = of_data.get(name, 0) + count
    return {
        "bars": int(holdings["bars"].sum()),
        "events": int(run["events"]),
        "decisions": int(run["decisions"]),
        "fills": int(holdings["fills"].sum()),
        "maker_fills": int(holdings["maker_fills"].sum()),
        "orders": len(orders),
        "rejections": int(run["rejections"]),
        "fills_by_choice": int(run["choice_fills"]),
        "orders_missed_by_choice": int(run["choice_missed"]),
        "liquidations": int(run["liquidations"]),
        "refused_targets": int(holdings["refused_targets"].sum()),
        "funding_settlements": int(holdings["settlements"].sum()),
        "funding_filled_in": len(terms.filled_in),
        "fills_after_gap": int(holdings["fills_after_gap"].sum()),
        "carried_half_spreads": int(holdings["carried_half_spreads"].sum()),
        **of_data,
    }
