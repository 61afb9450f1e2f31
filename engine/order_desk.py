"""Where an agent in Python sends orders of one instrument, and what it knows of those that are open."""

from __future__ import annotations

from typing import Any

from halfspread.engine.order_records import (
    CANCEL,
    FLAGS,
    LIMIT,
    MARKET,
    MAX_REQUESTS,
    PLACE,
    STOP,
    STOP_LIMIT,
    TAKE_PROFIT,
)
from halfspread.errors import StrategyError

__all__ = ["OrderDesk", "request"]

NAN = float("nan")


class OrderDesk:
    """Orders of instrument ``k``. Contracts are signed, a buy is above zero; prices in quote currency."""

    __slots__ = ("_context", "_k")

    def __init__(self, k: int, context: Any) -> None:
        self._k = k
        self._context = context

    def send_market(self, contracts: float, *, reduce_only: bool = False) -> int:
        """Take at once; a buy is above zero. The number of the order."""
        return self._send(MARKET, contracts, NAN, NAN, reduce_only=reduce_only)

    def send_limit(
        self,
        contracts: float,
        price: float,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        ioc: bool = False,
        fok: bool = False,
    ) -> int:
        """Take what is offered at ``price`` or better and wait there with the rest. The number of the order."""
        return self._send(LIMIT, contracts, price, NAN, post_only=post_only, reduce_only=reduce_only, ioc=ioc, fok=fok)

    def send_stop(self, contracts: float, trigger: float, *, reduce_only: bool = False, by_mark: bool = False) -> int:
        """A market order once the market reaches ``trigger`` (a buy: at or above it). The number of the order."""
        return self._send(STOP, contracts, NAN, trigger, reduce_only=reduce_only, by_mark=by_mark)

    def send_stop_limit(
        self,
        contracts: float,
        trigger: float,
        price: float,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        by_mark: bool = False,
    ) -> int:
        """A limit order at ``price`` once the market reaches ``trigger``. The number of the order."""
        return self._send(
            STOP_LIMIT, contracts, price, trigger, post_only=post_only, reduce_only=reduce_only, by_mark=by_mark
        )

    def send_take_profit(
        self, contracts: float, trigger: float, *, reduce_only: bool = False, by_mark: bool = False
    ) -> int:
        """A market order once the market reaches ``trigger`` from the other side (a sale: at or above it)."""
        return self._send(TAKE_PROFIT, contracts, NAN, trigger, reduce_only=reduce_only, by_mark=by_mark)

    def _send(self, kind: int, contracts: float, price: float, trigger: float, **flags: bool) -> int:
        bits = sum(FLAGS[name] for name, given in flags.items() if given)
        context = self._context
        number = int(context["next_order"])
        request(context, PLACE, number, self._k, kind, bits, contracts=contracts, price=price, trigger=trigger)
        context["next_order"] = number + 1
        return number

    def cancel_all(self) -> None:
        """Withdraw every order of this instrument that the agent knows to be open."""
        context = self._context
        for i in range(int(context["open_orders"])):
            if context["open_instruments"][i] == self._k:
                request(context, CANCEL, int(context["open_ids"][i]))

    @property
    def orders(self) -> dict[int, tuple[float, float]]:
        """Open orders of this instrument as the agent knows them: number -> (contracts still open, limit price)."""
        context = self._context
        return {
            int(context["open_ids"][i]): (float(context["open_contracts"][i]), float(context["open_prices"][i]))
            for i in range(int(context["open_orders"]))
            if context["open_instruments"][i] == self._k
        }


def request(
    context: Any,
    action: int,
    order: int,
    k: int = -1,
    kind: int = 0,
    flags: int = 0,
    *,
    contracts: float = NAN,
    price: float = NAN,
    trigger: float = NAN,
) -> None:
    """Write one request; the loop serves it once the decision is made. Raises StrategyError for one too many."""
    i = int(context["requests"])
    if i >= MAX_REQUESTS:
        raise StrategyError(f"more than {MAX_REQUESTS} requests in one decision; spread them over several")
    context["request_action"][i] = action
    context["request_order"][i] = order
    context["request_instrument"][i] = k
    context["request_kind"][i] = kind
    context["request_flags"][i] = flags
    context["request_contracts"][i] = contracts
    context["request_price"][i] = price
    context["request_trigger"][i] = trigger
    context["requests"] = i + 1
