"""``halfspread data serve``: a fake exchange on this machine, both venues over a generated market, until Ctrl-C."""

from __future__ import annotations

import threading
import time
from argparse import Namespace
from typing import Any

from halfspread.commands.output import print_json
from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
from halfspread.engine.times import DAY, time_text
from halfspread.errors import ConfigError

__all__ = ["execute"]

#: Twenty years.
MOST_DAYS = 7305


def execute(arguments: Namespace) -> int:
    """Serve ``arguments.days`` of a market that goes on with the clock of this machine; the addresses are printed
    first. Raises ConfigError for a port that is taken, and for numbers that cannot be."""
    if not 1 <= arguments.days <= MOST_DAYS:
        raise ConfigError(f"--days: expected 1 to {MOST_DAYS:,}, got {arguments.days}")
    if arguments.seed < 0:
        raise ConfigError(f"--seed: expected 0 or more, got {arguments.seed}")
    rate = arguments.requests_per_second
    if rate is not None and not rate > 0.0:
        raise ConfigError(f"--requests-per-second: expected a number above 0, got {rate}")
    today = time.time_ns() // DAY * DAY
    market = GeneratedMarket(arguments.seed, today - arguments.days * DAY, arguments.days + 2)
    try:
        exchange = FakeExchange(
            market,
            Faults(rate=arguments.faults),
            rate,
            arguments.seed,
            now=lambda: min(time.time_ns(), market.end),
            port=arguments.port,
        )
    except (OSError, OverflowError) as error:
        raise ConfigError(f"--port {arguments.port}: cannot be used ({error}); leave it out for a free one") from error
    with exchange:
        _tell(exchange, arguments)
        try:
            _wait()
        except KeyboardInterrupt:
            return 0
    return 0


def _tell(exchange: FakeExchange, arguments: Namespace) -> None:
    market = exchange.market
    addresses = {"bybit": exchange.bybit, "bitmex": exchange.bitmex, "dumps": exchange.dumps}
    if arguments.json:
        told: dict[str, Any] = {
            **addresses,
            "symbols": {contract.symbol: contract.venue for contract in market.contracts.values()},
            "start": time_text(market.start),
            "seed": arguments.seed,
        }
        print_json(told, arguments.stdout)
        return
    by_venue = {venue: [one.symbol for one in market.of_venue(venue)] for venue in ("bybit", "bitmex")}
    print(f"bybit   {addresses['bybit']}   {', '.join(by_venue['bybit'])}")
    print(f"bitmex  {addresses['bitmex']}   {', '.join(by_venue['bitmex'])}")
    print(f"dumps   {addresses['dumps']}   public files of both, of days that are over")
    print(f"a generated market from {time_text(market.start)}, seed {arguments.seed}; Ctrl-C ends it", flush=True)


def _wait() -> None:
    """Until Ctrl-C."""
    while True:
        threading.Event().wait(3600.0)
