"""The markets of the study, and the cost models and conventions that each of its runs is charged by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["BTCUSDT", "CONVENTIONS", "LEVELS", "MARKETS", "NULL", "RUNGS", "XBTUSD", "Market", "cost_settings"]

ROOT = Path(__file__).resolve().parents[3]

_NO_SPREAD = 'costs.half_spread={ kind = "none" }'
_NO_FEES = 'costs.fees={ kind = "constant", taker = 0.0, maker = 0.0 }'
_NO_FUNDING = 'costs.funding={ kind = "none" }'

#: The ladder: what is charged, as settings on top of the config. Rates of funding are seen at every rung, whether they
#: are paid or not, so that an agent that looks at them decides the same.
RUNGS: dict[str, tuple[str, ...]] = {
    "nothing": (_NO_SPREAD, _NO_FEES, _NO_FUNDING),
    "fees": (_NO_SPREAD, _NO_FUNDING),
    "half_spread": (_NO_FEES, _NO_FUNDING),
    "funding": (_NO_SPREAD, _NO_FEES),
    "fees_and_half_spread": (_NO_FUNDING,),
    "all": (),
}
#: The two ends of the ladder, at which conventions and sweeps are looked at.
LEVELS = ("nothing", "all")
CONVENTIONS = ("this_close", "next_open", "next_close")


@dataclass(frozen=True)
class Market:
    """``config``: its market, costs and sizing; ``contracts``: of a position of an agent that sends orders; ``fees``,
    ``spread``, ``funding``: what is assumed of them, in words; ``fees_by_date``: settings of a further rung, empty for
    none; ``seeds``: of a market that is drawn; ``settings``: on top of the config, and ``span`` why."""

    name: str
    title: str
    config: Path
    contracts: float
    fees: str
    spread: str
    funding: str
    fees_by_date: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    settings: tuple[str, ...] = ()
    span: str = ""

    @property
    def drawn(self) -> bool:
        """Whether it is made from a seed."""
        return bool(self.seeds)


XBTUSD = Market(
    name="xbtusd",
    title="BitMEX XBTUSD",
    config=ROOT / "configs" / "xbtusd_experts.toml",
    contracts=10_000.0,
    fees="5 bp of the value of every fill, at all times, as in the config. That is what the venue charged at the end; "
    "before 2021-08-17 it charged 7.5 bp, and the column *fees by date* charges that",
    spread="a quoted spread of one tick of the date (0.01, then 0.1, then 0.5 USD), of which a taker pays half. **An "
    "assumption**: there is no history of quotes of those years",
    funding="the published rates, on the last price, since there is no series of mark prices",
    fees_by_date=('costs.fees={ kind = "venue" }',),
)
BTCUSDT = Market(
    name="btcusdt",
    title="Bybit BTCUSDT",
    config=ROOT / "configs" / "btcusdt_experts.toml",
    contracts=0.1,
    fees="the venue's base fee for takers, 5.5 bp, without discounts for volume; its dates are not verified",
    spread="a quoted spread of one tick (0.1 USDT) at all times, of which a taker pays half: an assumption that the "
    "few captured quotes agree with",
    funding="the published rates, on hourly mark prices",
    settings=(
        'market={ source = "bars", venue = "bybit", symbol = "BTCUSDT", interval = "5m", '
        'bars = "$HALFSPREAD_DATA/bybit/btcusdt_5m_2024_2026.parquet", '
        'funding = "$HALFSPREAD_DATA/bybit/btcusdt_funding_2021_2026.parquet", '
        'mark = "$HALFSPREAD_DATA/bybit/btcusdt_mark_1h_2023_2026.parquet", start = 2025-01-01T00:00:00Z }',
    ),
    span="From the end of the gap on (there are no bars from 2024-08-09 to 2025-01-01): a position held through it "
    "makes the "
    "price move of five months on one day, and that day would rule every statistic",
)
NULL = Market(
    name="null",
    title="Random walk, pure luck",
    config=Path(__file__).resolve().parent / "null_market.toml",
    contracts=0.15,
    fees="5.5 bp",
    spread="half of the spread that stands in the synthetic bars, two ticks of 0.1 as a rule",
    funding="the interest part alone, 1 bp every eight hours, since its price never leaves the index",
    seeds=(1, 2, 3),
)
MARKETS = (XBTUSD, BTCUSDT, NULL)


def cost_settings(market: Market, rung: str) -> tuple[str, ...]:
    """The settings of a rung; ``fees_by_date`` where the market has it."""
    return market.fees_by_date if rung == "fees_by_date" else RUNGS[rung]
