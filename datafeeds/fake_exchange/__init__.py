"""A fake exchange on this machine: Bybit v5 and BitMEX in their own wire formats over a generated market, told to fail.

For tests of programs that fetch market data, ours and yours; docs/fake_exchange.md shows how.
"""

from halfspread.datafeeds.fake_exchange.contracts import FakeContract
from halfspread.datafeeds.fake_exchange.exchange import FakeExchange
from halfspread.datafeeds.fake_exchange.faults import Faults
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket

__all__ = ["FakeContract", "FakeExchange", "Faults", "GeneratedMarket"]
