"""Ask an agent from another one in Python: it is made ready, and shown the market, as if it ran alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from halfspread.engine.agent import prepare
from halfspread.engine.codes import OK
from halfspread.engine.decisions import _set_targets
from halfspread.engine.instruments import Instrument
from halfspread.engine.market import Market

__all__ = ["Asked"]


class Asked:
    """``agent``, asked through its compiled function (``compiled``) or its ``on_bar``. ``lookback`` and ``memory`` are
    there once it is ready."""

    def __init__(self, agent: Any, compiled: bool) -> None:
        self.agent, self.compiled = agent, compiled
        self.lookback = 0
        self.memory: Any = None

    def get_ready(
        self,
        rng: np.random.Generator,
        instruments: tuple[Instrument, ...],
        columns: tuple[tuple[str, ...], ...],
        tables: tuple[frozenset[str], ...] | None,
    ) -> None:
        """Before a run. Raises what `prepare` raises."""
        self.lookback, self.memory = prepare(self.agent, self.compiled, rng, instruments, columns, tables)
        self._instruments, self._columns = instruments, columns
        self._contexts: Any = None

    def ask(self, market: Market, refuse: Callable[[Exception], None] = lambda _: None) -> int:
        """Have it set its targets in the context; its status. ``refuse`` gets an exception that it raises, before that
        goes on its way."""
        if self._contexts is None:
            self._contexts = market._context.base.reshape(1)
            self._view = Market(self._instruments, self._columns, self.lookback, market._context, market._bits)
        if self.compiled:
            return int(self.agent.function.on_arrays(self._contexts, self.memory, market._history, market._row))
        try:
            view = self._shown(market)
            wish = self.agent.on_bar(view)
            if wish is not None:
                _set_targets(view, market._context["targets"], wish)
        except Exception as error:
            refuse(error)
            raise
        return OK

    def _shown(self, market: Market) -> Market:
        """The market with its own lookback."""
        view = self._view
        if getattr(view, "_history", None) is not market._history:
            view._show(market._history)
        view._row, view.close, view.position = market._row, market.close, market.position
        for mine, other in zip(view.views[1:], market.views[1:], strict=True):
            mine._row = other._row
        return view
