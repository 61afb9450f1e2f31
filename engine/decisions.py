"""Ask an agent in Python for its decisions, whenever the loop wants one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.engine.codes import CHUNK_DONE, CLOSE, PROGRESS
from halfspread.engine.failures import python_failure
from halfspread.engine.market import Market
from halfspread.engine.records import State
from halfspread.engine.replay import Chunk
from halfspread.engine.subscriptions import METHODS
from halfspread.errors import StrategyError

__all__ = ["Decider", "decide_in_python"]

#: Answers what the loop asks for besides decisions; False where the loop has to be started anew.
Answer = Callable[[int], bool]


@dataclass(frozen=True)
class Decider:
    """An agent in Python and what it sees. ``methods``: its subscriptions, as bits of events and the method to call.

    ``history``: the kind of table that it sees.
    """

    agent: Any
    state: State
    market: Market
    events: tuple[str, ...]
    bits: Mapping[str, int]
    history: str


def decide_in_python(decider: Decider, chunk: Chunk, reasons: Iterator[int], answer: Answer) -> bool:
    """Answer the loop until the chunk is done; False where it has to be started anew.

    Raises StrategyError with the place where the agent fails.
    """
    if decider.events == ("bar",) and len(decider.market) == 1:
        return _decide_on_bars(decider, chunk, reasons, answer)
    return _decide_on_all(decider, chunk, reasons, answer)


def _decide_on_bars(decider: Decider, chunk: Chunk, reasons: Iterator[int], answer: Answer) -> bool:
    """The usual case, in a hurry: only what every agent needs is copied, the rest is looked up."""
    market, decide, first = decider.market, decider.agent.on_bar, chunk.first_row
    market._show(chunk.history)
    closes = chunk.history[first : chunk.end_row, CLOSE].tolist()
    targets = memoryview(decider.state.context["targets"])
    positions = memoryview(decider.state.context["positions"])
    reason, target = PROGRESS, None
    try:
        for reason in reasons:
            if reason < 0:
                if reason == CHUNK_DONE:
                    return True
                if not answer(reason):
                    return False
                continue
            market._row = reason
            market.close = closes[reason - first]
            market.position = positions[0]
            target = decide(market)
            if target is not None:
                targets[0] = target
    except Exception as error:
        if reason < 0:
            raise
        raise python_failure(decider.agent, "on_bar", decider.state, error, target) from error
    return True


def _decide_on_all(decider: Decider, chunk: Chunk, reasons: Iterator[int], answer: Answer) -> bool:
    """The same for several instruments, and for other events than bars."""
    market, decide, lone = decider.market, _dispatcher(decider), len(decider.market) == 1
    market._show(chunk.history)
    closing = decider.history == "bars"
    targets: Any = memoryview(decider.state.context["targets"])
    positions = memoryview(decider.state.context["positions"])
    rows = memoryview(decider.state.context["rows"])
    others = market.views[1:]
    reason, target = PROGRESS, None
    try:
        for reason in reasons:
            if reason < 0:
                if reason == CHUNK_DONE:
                    return True
                if not answer(reason):
                    return False
                continue
            market._row = rows[0]
            if closing:
                market.close = market._at("close")
            market.position = positions[0]
            if not lone:
                for view in others:
                    view._row = rows[view._k]
            target = decide(market)
            if target is None:
                continue
            if lone and type(target) is float:
                targets[0] = target
            else:
                _set_targets(market, targets, target)
    except Exception as error:
        if reason < 0:
            raise
        raise python_failure(decider.agent, METHODS[decider.events[0]], decider.state, error, target) from error
    return True


def _dispatcher(decider: Decider) -> Callable[[Market], Any]:
    """The method to call; where there are several, those whose events have come, in their order, the last target
    holding."""
    methods = [(decider.bits[event], getattr(decider.agent, METHODS[event])) for event in decider.events]
    if len(methods) == 1:
        return methods[0][1]  # type: ignore[no-any-return]
    context = decider.state.context

    def decide(market: Market) -> Any:
        kinds, target = int(context["kind"]), None
        for kind, method in methods:
            if kinds & kind:
                wish = method(market)
                target = target if wish is None else wish
        return target

    return decide


def _set_targets(market: Market, targets: Any, target: Any) -> None:
    """Targets of several instruments: a sequence in their order, or a mapping by symbol or name."""
    if isinstance(target, Mapping):
        for name, wish in target.items():
            targets[market[name]._k] = wish
    elif isinstance(target, (Sequence, np.ndarray)):
        if len(target) != len(market):
            raise StrategyError(f"expected {len(market)} targets, one for each instrument, got {len(target)}")
        for k, wish in enumerate(target):
            targets[k] = wish
    elif len(market) > 1:
        raise StrategyError(f"expected {len(market)} targets, one for each instrument, got {target!r}")
    else:
        targets[0] = target
