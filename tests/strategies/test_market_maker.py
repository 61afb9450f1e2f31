"""The market maker: orders worked by hand, limits under latency, and both forms alike."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread, Latency
from halfspread.datafeeds.synthetic.order_flow import OrderFlow
from halfspread.datafeeds.synthetic.poisson_book import PoissonBook
from halfspread.datafeeds.synthetic.quoting import asymptotic_distances
from halfspread.datafeeds.synthetic.quoting import avellaneda_stoikov as form_of_the_world
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.engine import instruments
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError
from halfspread.strategies import MarketMaker
from halfspread.strategies.quoting_forms import avellaneda_stoikov, stationary
from tests.engine.worlds import tape as bars_tape
from tests.strategies.events import FREE, MODES, quotes, run, run_twins, seconds_of

DELAYED = Costs(
    half_spread=HalfSpread.from_quotes(),
    fees=Fees.none(),
    funding=Funding.none(),
    latency=Latency.fixed("70ms", "90ms"),
)


@cache
def flow(seed: int = 5) -> Tape:
    world = PoissonBook(duration="10m", levels=3, moves_per_second=4.0, trade_size=3.0)
    return world_tape(world.market(np.random.default_rng(seed)))


# Mid 100.25 at first: two ticks away are 99.25 and 101.25. A tick up in the mid moves both.
STEADY = [(float(i), 100.0, 100.5) for i in range(1, 6)]


@pytest.mark.parametrize("mode", MODES)
def test_it_rests_at_its_distances_on_both_sides(mode: str) -> None:
    found = run(quotes(STEADY), MarketMaker(), mode=mode).orders
    assert found["contracts"].tolist() == [1.0, -1.0]
    assert found["price"].tolist() == [99.0, 101.5]  # 99.25 and 101.25 are no ticks: rounded away from the mid
    assert found["post_only"].all()
    assert found["state"].tolist() == ["open", "open"]


@pytest.mark.parametrize("mode", MODES)
def test_a_fill_is_answered_at_once_and_by_its_inventory(mode: str) -> None:
    # Ticks by inventory -1, 0, 1: bids 1.5, 2.5, inf; asks the mirror image. Sold through the bid at 2.5 s.
    agent = MarketMaker(inventory_limit=1.0, bid_ticks=(1.5, 2.5, math.inf))
    result = run(quotes(STEADY, [(2.5, 98.5, 4.0, -1)]), agent, mode=mode)
    orders = result.orders
    assert result.fills["price"].tolist() == [99.0]
    assert orders["contracts"].tolist() == [1.0, -1.0]
    assert orders["price"].tolist() == [99.0, 101.0]  # the ask was amended from 101.5 to 1.5 ticks off the mid
    assert orders["state"].tolist() == ["filled", "open"]
    assert seconds_of(orders["done"])[0] == 2.5


@pytest.mark.parametrize("mode", MODES)
def test_orders_follow_the_mid_by_amendment_once_it_has_moved_far_enough(mode: str) -> None:
    moving = [(1.0, 100.0, 100.5), (2.0, 100.5, 101.0), (3.0, 101.0, 101.5), (4.0, 101.5, 102.0), (5.0, 101.5, 102.0)]
    each = run(quotes(moving), MarketMaker(bid_ticks=(2.5,)), mode=mode).orders
    assert each["price"].tolist() == [100.5, 103.0]
    lazy = run(quotes(moving), MarketMaker(bid_ticks=(2.5,), requote_ticks=2), mode=mode).orders
    assert lazy["price"].tolist() == [100.0, 102.5]  # moved at 3 s, by two ticks
    assert len(each) == len(lazy) == 2


@pytest.mark.parametrize("mode", MODES)
def test_post_only_keeps_prices_behind_the_other_side(mode: str) -> None:
    agent: dict[str, Any] = {"bid_ticks": (-4.0,), "ask_ticks": (6.5,), "inventory_limit": 1.0}
    careful = run(quotes(STEADY), MarketMaker(**agent), mode=mode)
    assert careful.orders["price"].tolist()[0] == 100.0
    assert len(careful.fills) == 0
    bold = run(quotes(STEADY), MarketMaker(**agent, post_only=False), mode=mode)
    assert bold.fills["price"].tolist() == [100.5]


@pytest.mark.parametrize("mode", MODES)
def test_an_order_is_made_smaller_where_the_limit_leaves_less_room(mode: str) -> None:
    # Limit 5, size 3: after 3 were bought there is room for 2 more, then for none.
    trades = [(2.5, 98.0, 3.0, -1), (3.5, 98.0, 3.0, -1)]
    result = run(quotes(STEADY, trades), MarketMaker(size=3.0, inventory_limit=5.0), mode=mode)
    assert result.fills["contracts"].tolist() == [3.0, 2.0]
    bids = result.orders[result.orders["contracts"] > 0.0]
    assert bids["contracts"].tolist() == [3.0, 2.0]
    asks = result.orders[result.orders["contracts"] < 0.0]
    assert asks["contracts"].tolist() == [-3.0]


@pytest.mark.parametrize("mode", MODES)
def test_an_order_that_is_no_longer_wanted_is_withdrawn(mode: str) -> None:
    agent = MarketMaker(inventory_limit=1.0, bid_ticks=(math.inf, 2.5, math.inf), ask_ticks=(math.inf, 2.5, math.inf))
    result = run(quotes(STEADY, [(2.5, 98.5, 4.0, -1)]), agent, mode=mode)
    assert result.orders["state"].tolist() == ["filled", "cancelled"]
    assert result.orders["reason"].tolist() == ["", "by the agent"]


AGENTS: list[dict[str, Any]] = [
    {"bid_ticks": (5.0,)},
    {"bid_ticks": (1.0,), "size": 2.0, "inventory_limit": 5.0, "requote_ticks": 2},
    {"bid_ticks": (-1.0,), "ask_ticks": (2.0,), "inventory_limit": 3.0, "post_only": False},
    {"form": "avellaneda_stoikov", "gamma": 0.05, "sigma": 1.0, "k": 0.4, "inventory_limit": 4.0},
    {"form": "stationary", "gamma": 0.05, "sigma": 1.0, "k": 0.4, "inventory_limit": 4.0, "fee": 0.1},
    {"bid_ticks": (1.0, 2.0, 3.0, 4.0, math.inf), "inventory_limit": 2.0},
    {"bid_ticks": (1.0,), "size": 7.0, "inventory_limit": 9.0},
]


@pytest.mark.parametrize("costs", ["at once", "delayed"])
@pytest.mark.parametrize("parameters", AGENTS)
def test_both_forms_do_the_same_and_neither_passes_the_limit(parameters: dict[str, Any], costs: str) -> None:
    agent = MarketMaker(**parameters)
    result = run_twins(flow(), agent, **({"costs": DELAYED} if costs == "delayed" else {}))
    held = np.cumsum(result.fill_records["contracts"])
    assert len(held) > 100
    assert np.abs(held).max() <= agent.inventory_limit
    assert np.abs(held).max() >= agent.inventory_limit - 1.0, "the limit was never put to the test"


def test_the_sizes_of_both_sides_are_what_is_left_of_the_limit() -> None:
    result = run(flow(), MarketMaker(size=2.5, inventory_limit=6.0, bid_ticks=(1.0,)))
    assert np.abs(np.cumsum(result.fill_records["contracts"])).max() == 6.0


@pytest.mark.parametrize("mode", MODES)
def test_an_order_that_was_made_whole_many_times_gives_way_to_a_new_one(mode: str) -> None:
    # One contract is bought of it after every move of the mid; an order may be of five at most.
    limited = instruments.linear("LIMITED", multiplier=1.0, lot=1.0, tick=0.5, max_contracts=5.0)
    rows = [(float(i), 100.0 + i // 3 % 2, 100.5 + i // 3 % 2) for i in range(1, 60)]
    trades = [(i + 0.5, 98.0, 1.0, -1) for i in range(1, 58, 3)]
    result = run(quotes(rows, trades, limited), MarketMaker(size=3.0, inventory_limit=100.0), mode=mode)
    bids = result.orders[result.orders["contracts"] > 0.0]
    assert bids["contracts"].max() == 5.0
    assert set(result.orders["reason"]) == {"", "by the agent"}
    assert bids["state"].tolist() == ["cancelled"] * 4 + ["open"]
    assert result.fills["contracts"].tolist() == [1.0] * 14  # the trade between two orders is missed


def test_quotes_serve_as_well_as_books() -> None:
    world = PoissonBook(duration="5m", levels=3).market(np.random.default_rng(2))
    results = [run_twins(world_tape(world, (table, "trades")), MarketMaker()) for table in ("quotes", "books")]
    assert results[0].fill_records["price"].tolist() == results[1].fill_records["price"].tolist()


def test_a_tape_of_bars_is_refused() -> None:
    with pytest.raises(DataError, match="MarketMaker decides on quote events, and the tape holds bars only"):
        run(bars_tape([1.0, 2.0]), MarketMaker(), FREE)


def test_parameters_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected one distance, or 5 for inventories of -2 to 2 orders, got 3"):
        MarketMaker(inventory_limit=2.0, bid_ticks=(1.0, 2.0, 3.0))
    with pytest.raises(ConfigError, match="inventory_limit: expected at least the size of an order 2, got 1"):
        MarketMaker(size=2.0, inventory_limit=1.0)
    with pytest.raises(ConfigError, match="bid_ticks: expected numbers, or inf"):
        MarketMaker(bid_ticks=(math.nan,))
    with pytest.raises(ConfigError, match=r"MarketMaker: size: UNIT trades 1 contracts or more, got 0\.5"):
        run(quotes(STEADY), MarketMaker(size=0.5))


def test_a_lot_is_reached_by_any_sum_of_steps() -> None:
    assert MarketMaker(size=0.1, inventory_limit=0.3).steps == 3


@pytest.mark.parametrize("gamma", [0.0, 0.05, 2.0])
@pytest.mark.parametrize("inventory", [-3.0, 0.0, 2.0])
def test_closed_forms_are_those_of_the_world(gamma: float, inventory: float) -> None:
    world = OrderFlow(A=1.3, k=0.4, sigma=0.7)
    assert avellaneda_stoikov(inventory, 30.0, gamma, 0.7, 0.4, 0.2) == pytest.approx(
        form_of_the_world(inventory, 30.0, world, gamma, 0.2)
    )
    if gamma > 0.0:
        found = stationary(inventory, gamma, 0.7, 0.4, 1.3)
        assert found == pytest.approx(asymptotic_distances(inventory, world, gamma))
    thinner = stationary(inventory, gamma, 0.7, 0.4, 1.3 * math.exp(-0.4 * 0.2))
    assert stationary(inventory, gamma, 0.7, 0.4, 1.3, fee=0.2) == pytest.approx([each + 0.2 for each in thinner])
