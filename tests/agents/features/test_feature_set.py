"""Names of features: how they are read, and what is said of those that mean nothing or need what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from halfspread.agents.experts.mixture import Mixture
from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import KINDS, SETS, Feature, FeatureSet
from halfspread.agents.features.records import CODE, FOLLOW_MOVES, FOLLOW_VOLUME, MOVES_STATE, STATE_AT, VOLUME_STATE
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR
from halfspread.errors import ConfigError
from tests.agents.features.lookers import OTHER, hand_tape, look, random_bars, random_books
from tests.agents.features.test_causal import OF_BARS, written
from tests.agents.features.test_known_answers import quoted
from tests.engine.worlds import LINEAR, START


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_was_read_is_written_as_it_was(kind: str) -> None:
    for symbol in ("", "@ETHUSDT", "@bybit:ETHUSDT"):
        feature = Feature.parse(written(kind) + symbol)
        assert feature.kind == kind
        assert Feature.parse(str(feature)) == feature
        assert feature.symbol == symbol.removeprefix("@")


def test_blanks_do_not_count_and_a_choice_that_is_not_made_is_the_first() -> None:
    assert FeatureSet((" average_gap( 5,20 ) ", "open_pnl")).names == ("average_gap(5, 20)", "open_pnl(fraction)")


def test_the_columns_of_a_stack_say_how_long_ago_they_are() -> None:
    found = FeatureSet(("position", "age"), stack=2)
    assert found.columns == ("position", "age", "position 1 before", "age 1 before")
    assert found.count == 4
    assert found.own == ("position", "age")


def test_as_many_rows_are_needed_as_the_longest_feature_needs() -> None:
    assert FeatureSet(("position", "log_return(3)", "average_gap(40, 7)")).lookback == 39


@pytest.mark.parametrize("name", SETS)
def test_a_name_of_a_set_stands_for_its_members(name: str) -> None:
    found = FeatureSet(("position", name, "next_funding(bp)"))
    assert found.names == ("position", *SETS[name], "next_funding(bp)")
    assert FeatureSet((f"{name}@ETHUSDT",)).names == tuple(f"{each}@ETHUSDT" for each in SETS[name])
    assert found == FeatureSet(found.names)
    with pytest.raises(ConfigError, match="twice"):
        FeatureSet((name, SETS[name][0]))


def test_a_unit_that_is_not_chosen_is_not_written() -> None:
    assert FeatureSet(("next_funding", "last_funding(fraction)", "basis(bp)")).names == (
        "next_funding",
        "last_funding",
        "basis(bp)",
    )


def test_a_feature_that_fades_needs_one_row_more_than_its_half_life() -> None:
    assert FeatureSet(("scaled_return(3, 20)",)).lookback == 21
    assert FeatureSet(("scaled_return(30, 20)",)).lookback == 30
    assert FeatureSet(("volume_score(1)",)).lookback == 2


def test_what_fades_alike_is_followed_once() -> None:
    """Of two instruments and two half-lives: six features of moves share three states, two of volume one."""
    names = ("scaled_return(1, 9)", "scaled_return(5, 9)", "faded_volatility(9)", "scaled_range(9)")
    more = ("faded_volatility(20)", "faded_volatility(9)@OTHER", "volume_score(9)", "log_return(1)")
    bars = ("open", "high", "low", "close", "volume")
    plan, state = FeatureSet((*names, *more)).plan((LINEAR, OTHER), (bars, bars))
    assert plan[8:, CODE].tolist() == [FOLLOW_MOVES] * 3 + [FOLLOW_VOLUME]
    assert state == 3 * MOVES_STATE + VOLUME_STATE
    assert len(set(plan[:4, STATE_AT])) == 1
    assert len(set(plan[8:, STATE_AT])) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("log_retrun(5)", "did you mean log_return?"),
        ("volatilty(5)", "did you mean volatility?"),
        ("xyz", "there are column, log_return.* and of sets price_and_volume"),
        ("price_and_volum", "did you mean price_and_volume?"),
        ("price_and_volume", "it is a set, for a list of features"),
        ("next_funding(percent)", "unit: expected fraction or bp"),
        ("scaled_return(12)", r"expected scaled_return\(bars, half_life\), got 1 parameters"),
        ("", "expected a name such as"),
        ("log_return(5", "expected a name such as"),
        ("log_return 5", "expected a name such as"),
        ("log_return", r"expected log_return\(bars\), got 0 parameters"),
        ("log_return(1, 2)", r"expected log_return\(bars\), got 2 parameters"),
        ("position(3)", "expected position, got 1 parameters"),
        ("log_return(0)", "bars: expected a whole number from 1 to 10,000,000, got '0'"),
        ("volatility(1)", "window: expected a whole number from 2 to 10,000,000, got '1'"),
        ("log_return(-5)", "bars: expected a whole number from 1 to 10,000,000, got '-5'"),
        ("log_return(2.5)", "bars: expected a whole number from 1 to 10,000,000, got '2.5'"),
        ("log_return(1e9)", "bars: expected a whole number"),
        ("log_return(10000001)", "bars: expected a whole number from 1 to 10,000,000, got '10000001'"),
        (f"log_return({'9' * 400})", "bars: expected a whole number"),
        (f"log_return({'9' * 5_000})", "bars: expected a whole number"),
        ("log_return(\u0661)", "bars: expected a whole number"),
        ("trade_flow(4000d)", "expected at most 3650d, got '4000d'"),
        (f"trade_flow({'9' * 400}d)", "half_life: expected"),
        (f"trade_flow({'9' * 5_000}d)", "half_life: expected"),
        ("open_pnl(percent)", "unit: expected fraction or price"),
        ("trade_flow(5)", "half_life"),
        ("trade_flow(soon)", "half_life"),
        ("micro_volatility(0s)", "half_life"),
    ],
)
def test_a_name_that_means_nothing_is_told_what_it_might_be(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Feature.parse(text)


def test_sets_of_nothing_and_of_one_thing_twice_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        FeatureSet(())
    with pytest.raises(ConfigError, match=r"open_pnl\(fraction\) twice"):
        FeatureSet(("open_pnl", "open_pnl(fraction)"))
    with pytest.raises(ConfigError, match="stack: expected 1 to 10,000"):
        FeatureSet(("position",), stack=0)


NEEDY = {
    "to_funding": "funding",
    "last_funding": "funding",
    "next_funding": "funding",
    "basis": "index and mark",
    "imbalance": "quotes",
    "spread": "quotes",
    "micro_price": "quotes",
    "micro_volatility": "quotes",
    "trade_flow": "trades",
}


def test_every_kind_that_needs_something_is_tried_without_it() -> None:
    needy = {kind for kind, line in KINDS.items() if line.needs}
    assert needy == {*NEEDY, *OF_BARS, "depth_imbalance"}


@pytest.mark.parametrize("kind", NEEDY)
def test_a_feature_of_what_the_tape_lacks_is_refused_and_not_0(kind: str) -> None:
    said = f"feature .*: it needs {NEEDY[kind]}, and the tape holds bars of custom:UNIT; give the market {NEEDY[kind]}"
    with pytest.raises(ConfigError, match=said):
        look(hand_tape(), (written(kind),))


def test_one_of_two_that_are_needed_is_not_enough() -> None:
    mark = {"ts": [START, START + 12 * HOUR], "price": [100.0, 100.0]}
    with pytest.raises(ConfigError, match="it needs index, and the tape holds bars, mark"):
        look(hand_tape(mark=mark), ("basis",))


@pytest.mark.parametrize("kind", OF_BARS)
def test_a_feature_of_bars_is_refused_to_who_is_shown_something_else(kind: str) -> None:
    with pytest.raises(
        ConfigError, match="it needs bars, and the agent is shown books of custom:UNIT; have it decide on"
    ):
        look(random_books(), (written(kind),), events=("book",))
    with pytest.raises(ConfigError, match="it needs bars, and the agent is shown other events of custom:UNIT"):
        look(quoted(), (written(kind),), events=("trade",))


def test_levels_of_a_book_are_refused_to_who_is_shown_bars_and_beyond_the_last() -> None:
    with pytest.raises(ConfigError, match="it needs books, and the agent is shown bars of custom:UNIT"):
        look(random_books(), ("depth_imbalance(2)",))
    with pytest.raises(ConfigError, match="the books of custom:UNIT have 3 levels"):
        look(random_books(), ("depth_imbalance(4)",), events=("book",))


def test_an_instrument_without_bars_beside_one_with_them_has_no_features_of_bars() -> None:
    other: Any = Tape.from_trades({"ts": [hand_tape().start_ns], "price": [10.0], "size": [1.0], "side": [1]}, OTHER)
    tape = Tape.join(hand_tape(), other)
    with pytest.raises(ConfigError, match="it needs bars, and the agent is shown no rows of custom:OTHER"):
        look(tape, ("log_return(1)@OTHER",))
    found = look(tape, ("log_return(1)", "position@OTHER", "open_pnl@OTHER"))
    assert (found.table[:, 1:] == 0.0).all()
    assert len(found.table) == 4


def test_unknown_columns_and_instruments_name_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no column 'signal' in the data; there are open, high, low, close, volume"):
        look(hand_tape(), ("column(signal)",))
    with pytest.raises(ConfigError, match="no such instrument; there are custom:UNIT"):
        look(hand_tape(), ("position@ETHUSDT",))
    twins = Tape.join(
        random_bars(10), random_bars(10, instrument=OTHER.model_copy(update={"symbol": "UNIT", "venue": "b"}))
    )
    with pytest.raises(ConfigError, match="several venues have it; there are custom:UNIT, b:UNIT"):
        look(twins, ("position@UNIT",))


def test_a_set_is_refused_where_one_feature_is_wanted() -> None:
    with pytest.raises(ConfigError, match=r"price_and_volume.* it is a set, for a list of features"):
        PositionExpert(signal="price_and_volume")
    with pytest.raises(ConfigError, match="it is a set, for a list of features"):
        Mixture(first=PositionExpert(), second=PositionExpert(), regime="price_and_volume")
