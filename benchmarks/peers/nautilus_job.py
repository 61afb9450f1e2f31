"""The common job in nautilus_trader 2.0 (Rust core): one Python call a bar through its venue, risk and order machinery.

Its market order fills at the close that made the signal, and the account's balance leaves the open position out. Making
a ``Bar`` object of every row is not clocked (it is done once, and printed on standard error); adding them is.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from importlib.metadata import version
from time import perf_counter

import numpy as np
from clock import FAST, FEE_RATE, SLOW, arguments, load, measure
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model import (
    AccountType,
    Bar,
    BarType,
    CryptoPerpetual,
    Currency,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    Symbol,
    Venue,
)
from nautilus_trader.trading import Strategy, StrategyConfig

PNL, FILLS = -232_291.68, 7_222
CAPITAL = 10_000_000
INTERVAL = 300 * 10**9
USDT = Currency.from_str("USDT")
INSTRUMENT = InstrumentId.from_str("TEST-PERP.SIM")
BARS = BarType.from_str(f"{INSTRUMENT}-5-MINUTE-LAST-EXTERNAL")


class Crossover(Strategy):
    """+1 or -1 by its own (Rust) moving averages, reversed with a market order of two units."""

    def __init__(self, config: StrategyConfig) -> None:
        super().__init__(config)
        self.fast, self.slow = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW)
        self.one, self.two = Quantity.from_str("1.000"), Quantity.from_str("2.000")
        self.side = 0

    def on_start(self) -> None:
        for average in (self.fast, self.slow):
            self.register_indicator_for_bars(BARS, average)
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        if not self.slow.initialized:
            return
        side = 1 if self.fast.value > self.slow.value else -1
        if side == self.side:
            return
        quantity = self.two if self.side else self.one
        self.side = side
        order = self.order_factory.market(INSTRUMENT, OrderSide.BUY if side > 0 else OrderSide.SELL, quantity)
        self.submit_order(order)


def instrument() -> CryptoPerpetual:
    return CryptoPerpetual(
        INSTRUMENT,
        Symbol("TEST-PERP"),
        Currency.from_str("BTC"),
        USDT,
        USDT,
        False,
        1,
        3,
        Price.from_str("0.1"),
        Quantity.from_str("0.001"),
        0,
        0,
        margin_init=Decimal("0.01"),
        margin_maint=Decimal("0.005"),
    )


def bar_objects(bars: dict[str, np.ndarray]) -> list[Bar]:
    columns = (bars[name].tolist() for name in ("open", "high", "low", "close"))
    times = (bars["ts"] + INTERVAL).tolist()
    volume = Quantity(1_000_000.0, 3)
    return [
        Bar(BARS, Price(o, 1), Price(h, 1), Price(low, 1), Price(c, 1), volume, t, t)
        for o, h, low, c, t in zip(*columns, times, strict=True)
    ]


def run(data: list[Bar]) -> tuple[float, int]:
    quiet = LoggerConfig(bypass_logging=True)
    engine = BacktestEngine(BacktestEngineConfig(bypass_logging=True, run_analysis=False, logging=quiet))
    venue = Venue("SIM")
    engine.add_venue(
        venue,
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(CAPITAL, USDT)],
        base_currency=USDT,
        default_leverage=Decimal(100),
        fee_model=MakerTakerFeeModel(Decimal(str(FEE_RATE)), Decimal(str(FEE_RATE))),
    )
    engine.add_instrument(instrument())
    engine.add_data(data, validate=False)
    engine.add_strategy(Crossover(StrategyConfig(log_events=False, log_commands=False)))
    engine.run()
    pnl = engine.portfolio.account(venue).balance_total(USDT).as_double() - CAPITAL
    fills = int(engine.get_result().total_orders)
    engine.dispose()
    return pnl, fills


def main() -> None:
    options = arguments(__doc__ or "")
    mode = "Python call a bar"
    if options.mode not in (None, mode):
        return
    bars = load(options.bars)
    start = perf_counter()
    data = bar_objects(bars)
    print(f"making {len(data):,} bar objects took {perf_counter() - start:.2f} s, not clocked", file=sys.stderr)
    includes = "set-up, adding ready-made bar objects, replay with one Python call a bar, account balance"
    measure(
        "nautilus_trader", mode, version("nautilus_trader"), lambda: run(data), options.repeat, PNL, FILLS, includes
    )


if __name__ == "__main__":
    main()
