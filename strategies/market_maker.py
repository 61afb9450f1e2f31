"""Market making: rest on both sides of the mid, and lean against the inventory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from halfspread.engine.order_records import POST_ONLY
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError
from halfspread.strategies.compiled import CompiledStrategy
from halfspread.strategies.fields import Interval, NotNegative, Positive, check_contracts
from halfspread.strategies.quoting_forms import avellaneda_stoikov, stationary
from halfspread.strategies.quoting_kernels import FORGIVEN, market_maker

if TYPE_CHECKING:
    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market

__all__ = ["MarketMaker"]

Distances = tuple[float, ...]


class MarketMaker(CompiledStrategy):
    """Rest one order on each side of the mid, at distances that depend on the inventory, up to an inventory limit.

    Distances come by ``form``: "ticks": ``bid_ticks`` and ``ask_ticks``, one number, or one for each inventory from
    -limit to +limit in steps of ``size`` (inf: no order there; ask_ticks left out: the bids' mirror image);
    "avellaneda_stoikov": around the reservation price with ``horizon`` to go at all times; "stationary": the asymptotic
    form of Gueant, Lehalle and Fernandez-Tapia, which needs ``intensity``. See `strategies.quoting_forms` for formulas,
    sources and units: there inventory counts orders, and gamma is of an order of one unit of base.

    Prices are rounded away from the mid to whole ticks. With ``post_only`` they stay behind the other side's touch. An
    order is moved, and made whole again where part of it is filled, when its price should differ by ``requote_ticks``;
    with latency, only once the move before is confirmed. Long at most ``inventory_limit``, short as much, whatever
    is under way. Decides on quotes or books and on its own fills. Assumes that distances and flow do not change.
    """

    events: ClassVar[tuple[str, ...] | None] = ("quote", "fill")

    size: Annotated[Positive, Field(description="of an order (contracts)")] = 1.0
    inventory_limit: Annotated[Positive, Field(description="largest position, long or short (contracts)")] = 10.0
    form: Annotated[
        Literal["ticks", "avellaneda_stoikov", "stationary"], Field(description="where distances come from")
    ] = "ticks"
    bid_ticks: Annotated[Distances, Field(min_length=1, description="bids below the mid (ticks)")] = (2.0,)
    ask_ticks: Annotated[Distances, Field(description="asks above the mid (ticks); left out: as the bids")] = ()
    gamma: Annotated[NotNegative, Field(description="risk aversion (per quote currency)")] = 0.1
    sigma: Annotated[NotNegative, Field(description="of the mid in a second (quote currency)")] = 1.0
    k: Annotated[Positive, Field(description="how fast the flow thins out with the distance (per quote currency)")] = (
        1.0
    )
    intensity: Annotated[Positive, Field(description="market orders of each side per second, at the mid")] = 1.0
    horizon: Annotated[Interval, Field(description="time left in the Avellaneda-Stoikov form")] = "1m"
    fee: Annotated[float, Field(allow_inf_nan=False, description="of a fill (quote currency; a rebate is below 0)")] = (
        0.0
    )
    requote_ticks: Annotated[int, Field(ge=1, description="least move of an order (ticks)")] = 1
    post_only: Annotated[bool, Field(description="orders are rejected rather than take")] = True
    function = market_maker

    @property
    def steps(self) -> int:
        """Orders that the limit has room for on each side of no inventory."""
        return math.floor(self.inventory_limit / self.size + FORGIVEN)

    def check(self) -> None:
        """Raises ConfigError where the limit is below one order, or the distances do not fit it."""
        if self.steps < 1:
            raise ConfigError(
                f"MarketMaker: inventory_limit: expected at least the size of an order {self.size:g}, got "
                f"{self.inventory_limit:g}"
            )
        for name in ("bid_ticks", "ask_ticks"):
            ticks = getattr(self, name)
            if any(math.isnan(each) for each in ticks):
                raise ConfigError(f"MarketMaker: {name}: expected numbers, or inf for no order, got {ticks}")
            if len(ticks) not in (0, 1, 2 * self.steps + 1):
                raise ConfigError(
                    f"MarketMaker: {name}: expected one distance, or {2 * self.steps + 1} for inventories of "
                    f"{-self.steps} to {self.steps} orders, got {len(ticks)}"
                )

    def distances(self) -> tuple[Distances, Distances]:
        """Distances of bids and asks by inventory from -steps to steps orders; in ticks or quote currency by form."""
        orders = range(-self.steps, self.steps + 1)
        if self.form == "ticks":
            bids = self.bid_ticks if len(self.bid_ticks) > 1 else self.bid_ticks * len(orders)
            asks = self.ask_ticks or bids[::-1]
            return bids, asks if len(asks) > 1 else asks * len(orders)
        if self.form == "stationary":
            found = [stationary(q, self.gamma, self.sigma, self.k, self.intensity, self.fee) for q in orders]
        else:
            left = parse_interval(self.horizon) / 1e9
            found = [avellaneda_stoikov(q, left, self.gamma, self.sigma, self.k, self.fee) for q in orders]
        return tuple(bid for bid, _ in found), tuple(ask for _, ask in found)

    def memory(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """See `quoting_kernels`."""
        bids, asks = self.distances()
        flags = POST_ONLY if self.post_only else 0
        head = [self.size, self.inventory_limit, self.requote_ticks, flags, self._smallest, self._largest, self.steps]
        return np.array([*head, self.form == "ticks", *[0.0] * 6, *bids, *asks], np.float64)

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Forget the orders. Raises ConfigError for a size that the instrument does not allow."""
        check_contracts("MarketMaker: size", self.size, instruments[0])
        self._smallest = instruments[0].min_contracts or 0.0
        self._largest = instruments[0].max_contracts or math.inf
        self._distances = self.distances()
        self._orders = {1.0: (0, 0.0, 0.0), -1.0: (0, 0.0, 0.0)}

    def on_quote(self, market: Market) -> None:
        """The twin in Python."""
        bid, ask = self._wanted(market, 1.0), self._wanted(market, -1.0)
        self._quote(market, 1.0, bid)
        self._quote(market, -1.0, ask)

    def on_fill(self, market: Market) -> None:
        """What comes with a quote has been decided on already."""
        if not (market.happened("quote") or market.happened("book")):
            self.on_quote(market)

    def _wanted(self, market: Market, side: float) -> float:
        tick, steps = market.tick, self.steps
        inventory = market.contracts / self.size
        place = min(max(math.floor(inventory + 0.5), -steps), steps) + steps
        distance = self._distances[0 if side > 0.0 else 1][place]
        if self.form == "ticks":
            distance *= tick
        ticks = (0.5 * (market.bid + market.ask) - side * distance) / tick
        if not math.isfinite(ticks):
            return math.nan
        if side > 0.0:
            price = math.floor(ticks + FORGIVEN) * tick
            price = min(price, market.ask - tick) if self.post_only else price
        else:
            price = math.ceil(ticks - FORGIVEN) * tick
            price = max(price, market.bid + tick) if self.post_only else price
        return price if price > 0.5 * tick else math.nan

    def _quote(self, market: Market, side: float, price: float) -> None:
        lot, (order, asked, whole) = market.lot, self._orders[side]
        room = min(self.size, self.inventory_limit - side * market.contracts)
        size = math.floor(room / lot + FORGIVEN) * lot
        if math.isnan(price) or size < self._smallest:
            size = 0.0
        left, known = market.orders.get(order, (0.0, 0.0))
        left = abs(left)
        if left == 0.0:
            if size > 0.0:
                order = market.send_limit(side * size, price, post_only=self.post_only)
                self._orders[side] = order, price, size
        elif math.isnan(asked):
            return
        elif size <= 0.0:
            market.cancel(order)
            self._orders[side] = order, math.nan, whole
        elif abs(known - asked) < 0.5 * market.tick and (
            abs(price - asked) > (self.requote_ticks - FORGIVEN) * market.tick
        ):
            whole = whole - left + size
            if whole > self._largest:
                market.cancel(order)
                self._orders[side] = order, math.nan, whole
            else:
                self._orders[side] = order, price, whole
                market.amend(order, contracts=side * whole, price=price)
