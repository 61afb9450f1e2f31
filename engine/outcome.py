"""Turn the state that the loop leaves behind into a result, and check that the books close."""

from __future__ import annotations

from typing import Any

import pandas as pd

from halfspread.engine.agent import agent_name
from halfspread.engine.assumptions import counts_of, describe_run, warnings_of
from halfspread.engine.recorder import Recorder
from halfspread.engine.records import ATTRIBUTION, State
from halfspread.engine.result import BacktestResult
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
    attribution = _attribution(state, "report")
    attribution["collateral"] = float(state.account[0]["collateral"])
    attribution["total"] = sum(attribution.values())
    settle = _attribution(state, "settle")
    settle["total"] = sum(settle.values())
    _check(state, attribution, terms.capital)
    holding = state.holdings[0]
    times, values = recorder.curve()
    return BacktestResult(
        name=name or agent_name(agent),
        agent=agent_name(agent),
        agent_params=dict(getattr(agent, "parameters", dict)()),
        mode=mode,
        instruments=(tape.instrument,),
        report_currency=terms.currency,
        settle_currency=tape.instrument.settle,
        notional=terms.notional,
        capital=terms.capital,
        start=pd.Timestamp(tape.start_ns, tz="UTC"),
        end=pd.Timestamp(int(state.run[0]["now"]), tz="UTC"),
        bars=int(holding["bars"]),
        interval=tape.interval,
        period=terms.period,
        fill_convention=terms.fill,
        attribution=attribution,
        attribution_settle=settle,
        turnover=float(holding["turnover"]),
        settlements=int(holding["settlements"]),
        streamed_drawdowns=recorder.drawdowns(terms.notional),
        assumptions=describe_run(tape, terms, state),
        warnings=warnings_of(tape, terms, state),
        counts=counts_of(tape, terms, state),
        curve_times=times,
        curve_values=values,
        fill_pieces=recorder.all_fills(),
        period_records=recorder.all_periods(),
    )


def _attribution(state: State, currency: str) -> dict[str, float]:
    return {name: float(state.holdings[f"{name}_{currency}"].sum()) for name in ATTRIBUTION}


def _check(state: State, attribution: dict[str, float], capital: float) -> None:
    """Equity, kept on its own from cash and positions, against the sum of attributions."""
    account, turnover = state.account[0], float(state.holdings["turnover"].sum())
    change = float(account["equity_report"]) - capital
    if abs(change - attribution["total"]) > TOLERANCE * max(capital, turnover):
        raise InternalError(
            f"equity changed by {change!r}, but its attributions sum to {attribution['total']!r}; please report this"
        )
