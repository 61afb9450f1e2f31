"""Synthetic worlds: markets made from a random generator, in which the best policy and its profit are known.

Of bars: `Trending`, `MeanReverting`, `PureNoise`, `ConstantFunding`. Of order flow, for a market maker: `PoissonBook`.
Of bars, quotes, snapshots and trades that describe one path: `consistent_market`; of snapshots alone, as many as a
benchmark wants: `book_world`. Of two swaps on one base price: `two_legs`. Each gives a `World` of plain tables.
"""

from __future__ import annotations

from halfspread.datafeeds.synthetic.book_market import BookMarket, book_world, consistent_market
from halfspread.datafeeds.synthetic.poisson_book import PoissonBook
from halfspread.datafeeds.synthetic.price_world import ConstantFunding, PureNoise
from halfspread.datafeeds.synthetic.reverting_world import MeanReverting
from halfspread.datafeeds.synthetic.trending_world import Trending
from halfspread.datafeeds.synthetic.two_legs import TwoLegs, two_legs
from halfspread.datafeeds.synthetic.world import BestPolicy, World

__all__ = [
    "BestPolicy",
    "BookMarket",
    "ConstantFunding",
    "MeanReverting",
    "PoissonBook",
    "PureNoise",
    "Trending",
    "TwoLegs",
    "World",
    "book_world",
    "consistent_market",
    "two_legs",
]
