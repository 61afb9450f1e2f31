"""Turn the state that the loop leaves behind into a result, and check that the books close."""

from __future__ import annotations

from typing import Any

import pandas as pd

from halfspread.engine.account_records import ATTRIBUTION
from halfspread.engine.agent import plain_parameters, told_by
from halfspread.engine.assumptions import counts_of, describe_run, warnings_of
from halfspread.engine.recorder import Recorder
from halfspread.engine.records import State
from halfspread.engine.result import BacktestResult
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.engine.terms import Terms
from halfspread.errors import InternalError

__all__ = ["outcome"]

#: Equity less the sum of its attributions may differ by this much of the larger of capital and turnover.
TOLERANCE = 1e-9


def outcome(
    tape: Tape, terms: Terms, agent: Any, mode: str, name: str | None, state: State, recorder: Recorder
) -> BacktestResult:
    """The result of a finished run. Raises InternalError where equity and attributions do not agree."""
    by_instrument = _by_instrument(tape, state)
    attribution = {name: float(state.holdings[f"{name}_report"].sum()) for name in ATTRIBUTION}
    attribution["collateral"] = float(state.accounts["collateral"].sum())
    attribution["total"] = sum(attribution.values())
    _check(state, attribution, terms.capital)
    times, values = recorder.curve()
    told = told_by(agent)
    return BacktestResult(
        name=name or agent_name(agent),
        agent=agent_name(agent),
        agent_params=plain_parameters(agent),
        mode=mode,
        instruments=tape.instruments,
        report_currency=terms.currency,
        settle_currency=", ".join(purse.settle for purse in terms.purses),
        notional=terms.notional,
        capital=terms.capital,
        start=pd.Timestamp(tape.start_ns, tz="UTC"),
        end=pd.Timestamp(int(state.run["now"]), tz="UTC"),
        bars=int(state.holdings["bars"].sum()),
        events=int(state.run["events"]),
        interval=tape.feeds[0].interval,
        period=terms.period,
        fill_convention=terms.fill,
        matching=terms.execution.matching,
        attribution=attribution,
        attribution_settle=_settle(terms, tape, state),
        attribution_by_instrument=by_instrument,
        turnover=float(state.holdings["turnover"].sum()),
        settlements=int(state.holdings["settlements"].sum()),
        liquidations=int(state.run["liquidations"]),
        streamed_drawdowns=recorder.drawdowns(terms.notional),
        assumptions=describe_run(tape, terms, state) | ({"agent": told.text} if told.text else {}),
        warnings=[*warnings_of(tape, terms, state, recorder.all_orders()), *told.warnings],
        counts=counts_of(tape, terms, state, recorder.all_orders()) | told.counts,
        curve_times=times,
        curve_values=values,
        fill_pieces=recorder.all_fills(),
        period_records=recorder.all_periods(),
        order_records=recorder.all_orders(),
    )


def _by_instrument(tape: Tape, state: State) -> dict[str, dict[str, float]]:
    """Attribution, its total, turnover and fills of each instrument, report currency."""
    found = {}
    for instrument, holding in zip(tape.instruments, state.holdings, strict=True):
        parts = {name: float(holding[f"{name}_report"]) for name in ATTRIBUTION}
        parts["total"] = sum(parts.values())
        found[instrument.name] = parts | {"turnover": float(holding["turnover"]), "fills": float(holding["fills"])}
    return found


def _settle(terms: Terms, tape: Tape, state: State) -> dict[str, float]:
    """The attribution in the settle currency, where all instruments settle in one."""
    if len(terms.purses) > 1:
        return {}
    settle = {name: float(state.holdings[f"{name}_settle"].sum()) for name in ATTRIBUTION}
    settle["total"] = sum(settle.values())
    return settle


def _check(state: State, attribution: dict[str, float], capital: float) -> None:
    """Equity, kept on its own from cash and positions, against the sum of attributions."""
    turnover = float(state.holdings["turnover"].sum())
    change = float(state.run["equity"]) - capital
    if abs(change - attribution["total"]) > TOLERANCE * max(capital, turnover):
        raise InternalError(
            f"equity changed by {change!r}, but its attributions sum to {attribution['total']!r}; please report this"
        )
