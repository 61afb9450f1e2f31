"""Small steps that the event loop and its core share. Records of ``engine.records``."""

from __future__ import annotations

from typing import Any

from halfspread.compiled import inner_kernel, once_kernel
from halfspread.engine.account_kernels import known_equity, update_equity
from halfspread.engine.codes import FAILED

Array = Any
Record = Any


@inner_kernel
def fail(state: Record, error: int, instrument: int, value: float) -> int:
    """Note what went wrong and where; the caller returns."""
    run = state.run
    run.error = error
    run.error_instrument = instrument
    run.error_value = value
    return FAILED


@inner_kernel
def show_account(state: Record) -> None:
    """Bring the equity and the agent's context up to date."""
    run, context = state.run, state.context
    if state.run.instruments == 1 and run.unvalued == 0:  # the same sum without a detour through memory
        account, holding = state.accounts[0], state.holdings[0]
        equity = account.cash
        if holding.contracts != 0.0:
            equity += holding.contracts * holding.value
        run.equity = equity * account.rate
    else:
        update_equity(state)
    context.time = run.now
    context.kind = run.kinds
    context.instrument = run.instrument
    context.equity = run.equity if run.lagging == 0 else known_equity(state)


@once_kernel
def all_warm(state: Record) -> bool:
    """Whether every instrument has its lookback rows and the one that is decided on."""
    for k in range(state.run.instruments):
        if state.context.seen[k] <= state.run.lookback:
            for j in range(state.run.instruments):  # settled before its time
                state.context.funded[j] = 0.0
            return False
    state.run.warm = 1
    return True


@inner_kernel
def decides_now(state: Record) -> bool:
    """Whether the agent is to be asked."""
    run = state.run
    return run.kinds & run.subscribed != 0 and (run.warm != 0 or all_warm(state))


@inner_kernel
def targets_change(state: Record) -> bool:
    """Whether the agent wants anything else than before, a NaN included."""
    context = state.context
    if context.targets[0] != state.holdings[0].target:
        return True
    for k in range(1, state.run.instruments):
        if context.targets[k] != state.holdings[k].target:
            return True
    return state.run.resize != 0


@once_kernel
def forget_told(state: Record) -> None:
    """The agent has decided on what it was told; what is told from now on is for its next decision."""
    context = state.context
    state.run.told = 0
    context.rejected = 0
    for k in range(state.run.instruments):
        context.filled[k] = 0.0
        context.funded[k] = 0.0
