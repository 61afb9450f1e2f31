"""Trials of a Monte Carlo: what is drawn, on which market, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from halfspread.configs.cells import value_of
from halfspread.configs.load import load
from halfspread.configs.model import RunConfig
from halfspread.configs.trials import Design, Vary, parse_vary
from halfspread.errors import ConfigError

COSTS = 'costs = { half_spread = { kind = "none" }, fees = { taker = 0.0, maker = 0.0 }, funding = { kind = "none" } }'
REST = f"""\
seed = 5
{COSTS}
sizing = {{ kind = "fixed_notional", amount = 10_000 }}
agent = {{ type = "buy_and_hold" }}
"""


def config(market: str = 'market = { source = "synthetic", days = 3 }', more: str = "") -> RunConfig:
    return load(Path("trials.toml"), text=f'name = "trials"\n{REST}{market}\n{more}').config


def drawn(text: str, count: int = 400) -> list[float]:
    (vary,) = parse_vary([f"agent.x={text}"])
    return [float(vary.draw(3, k)) for k in range(count)]


def test_values_follow_their_distributions() -> None:
    uniform = np.array(drawn("uniform:0.9:1.0"))
    assert uniform.min() >= 0.9
    assert uniform.max() <= 1.0
    assert uniform.mean() == pytest.approx(0.95, abs=0.005)
    log = np.log(drawn("log_uniform:1e-4:1e-2"))
    assert log.mean() == pytest.approx(math.log(1e-3), abs=0.2)
    assert log.std() == pytest.approx(math.log(100.0) / math.sqrt(12.0), rel=0.1)
    normal = np.array(drawn("normal:2:0.5"))
    assert (normal.mean(), normal.std()) == (pytest.approx(2.0, abs=0.1), pytest.approx(0.5, rel=0.1))
    assert set(drawn("integer:5:8")) == {5.0, 6.0, 7.0, 8.0}
    (choice,) = parse_vary(["agent.kind=choice:a,[1, 2],true"])
    assert {choice.draw(0, k) for k in range(60)} == {"a", "[1, 2]", "true"}


def test_a_draw_depends_on_seed_key_and_trial_alone() -> None:
    one, two = Vary("agent.a", "uniform", 0.0, 1.0), Vary("agent.b", "uniform", 0.0, 1.0)
    assert one.draw(1, 7) == one.draw(1, 7)
    assert len({one.draw(1, 7), one.draw(1, 8), one.draw(2, 7), two.draw(1, 7)}) == 4
    few, many = Design(config(), 3, vary=(one,)), Design(config(), 9, vary=(two, one))
    assert [each.values["agent.a"] for each in few.trials()] == [each.values["agent.a"] for each in many.trials()][:3]


def test_seeds_run_on_the_market_of_the_config() -> None:
    trials = Design(config(), 3).trials()
    assert [each.settings for each in trials] == [(f"seed={k}", "market.seed=5") for k in (5, 6, 7)]
    own = Design(config('market = { source = "synthetic", days = 3, seed = 9 }'), 2).trials()
    assert [each.settings for each in own] == [("seed=5",), ("seed=6",)]
    two = '[[markets]]\nsource = "synthetic"\ndays = 3\n' * 2
    assert Design(config(two), 1).trials()[0].settings == ("seed=5", "markets.0.seed=5", "markets.1.seed=5")


def test_paths_of_a_made_up_market_are_other_seeds_of_it_unless_blocks_are_asked_for() -> None:
    made = Design(config(), 1, 3)
    assert (made.market, made.crossed, made.count) == ("drawn", False, 3)
    assert [each.settings for each in made.trials()] == [("seed=5", "market.seed=5")] + [
        ("seed=5", f"market.seed={k}") for k in (6, 7)
    ]
    own = Design(config('market = { source = "synthetic", days = 3, seed = 9 }'), 1, 2)
    assert [each.settings[1:] for each in own.trials()] == [(), ("market.seed=10",)]
    blocks = Design(config(), 1, 2, "2d")
    assert blocks.market == "bootstrap"
    assert blocks.trials()[1].settings == (
        *("seed=5", "market.seed=5", 'bootstrap={ path = 1, seed = 5, block = "2d" }'),
    )
    said = config(more='bootstrap = { path = 7, seed = 2, block = "1d" }')
    assert Design(said, 1, 2).trials()[1].settings[-1] == 'bootstrap={ path = 1, seed = 2, block = "1d" }'
    assert Design(said, 1, 2, "2d").bootstrap(0).block == "2d"


def test_crossed_trials_pair_every_seed_with_every_path() -> None:
    design = Design(config(), 2, 3, vary=(Vary("agent.a", "uniform", 0.0, 1.0),))
    trials = design.trials()
    assert design.crossed
    assert [(each.index, each.draw, each.seed, each.path) for each in trials] == [
        *((0, 0, 5, 0), (1, 1, 6, 0), (2, 0, 5, 1), (3, 1, 6, 1), (4, 0, 5, 2), (5, 1, 6, 2)),
    ]
    assert len({each.values["agent.a"] for each in trials}) == 2  # goes with the seed
    alone = Design(config(), 1, 3, vary=(Vary("agent.a", "uniform", 0.0, 1.0),)).trials()
    assert len({each.values["agent.a"] for each in alone}) == 3  # goes with the path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("agent.x", "expected a key and a distribution"),
        ("agent..x=uniform:0:1", "expected a key and a distribution"),
        ("agent.x=5", "expected a key and a distribution"),
        ("agent.x=beta:0:1", "unknown distribution 'beta'"),
        ("agent.x=uniform:1:0", "an empty range: 1 is not below 0"),
        ("agent.x=integer:3:3", "an empty range"),
        ("agent.x=uniform:0", "expected two numbers after uniform:, got '0'"),
        ("agent.x=uniform:0:nan", "expected two numbers"),
        ("agent.x=log_uniform:0:1", "begins above 0, got 0"),
        ("agent.x=normal:0:0", "a deviation above 0, got 0"),
        ("agent.x=integer:1:2.5", "whole numbers, got '1:2.5'"),
        ("agent.x=choice:a,,b", "an empty value"),
        ("agent.x=choice:a,a", "a is there 2 times"),
        ("seed=integer:1:9", "--trials or --seeds"),
        ("bootstrap.path=integer:1:9", "--paths"),
        ("market.seed=integer:1:9", "--paths"),
        ("agent.name=choice:a,b", "a name changes no result"),
    ],
)
def test_what_is_no_distribution_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"--vary {text.partition('=')[0].split('..')[0]}.*") as caught:
        parse_vary([text])
    assert said in str(caught.value)


def test_a_key_has_one_source() -> None:
    with pytest.raises(ConfigError, match=r"agent\.x is there 2 times"):
        parse_vary(["agent.x=uniform:0:1", "agent.x=uniform:0:2"])
    with pytest.raises(ConfigError, match="--set gives it one value and --vary many"):
        parse_vary(["agent.x=uniform:0:1"], ["agent.x=3"])
    assert [str(each) for each in parse_vary(["costs.x=log_uniform:1e-4:1", "a.b=integer:1:9", "a.c=choice:a,b"])] == [
        *("log_uniform:0.0001:1.0", "integer:1:9", "choice:a,b"),
    ]


def test_a_date_as_a_value_stays_the_text_it_is() -> None:
    assert value_of("2024-01-01") == "2024-01-01"
    assert value_of("2024-01-01T08:00:00Z") == "2024-01-01T08:00:00Z"
    assert value_of("5") == 5
