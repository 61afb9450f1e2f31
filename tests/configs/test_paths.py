"""[bootstrap]: a config whose market is a path of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from halfspread.configs.bootstrap import Bootstrap
from halfspread.configs.build import build_tape, training_part
from halfspread.configs.held import Tapes, market_of
from halfspread.configs.load import Loaded, load
from halfspread.configs.paths import block_days, market_path
from halfspread.errors import ConfigError

CONFIG = """\
name = "paths"
seed = 1
market = { source = "synthetic", days = 90, interval = "4h" }
costs = { half_spread = { kind = "bars" }, fees = { taker = 5e-4, maker = 0.0 }, funding = { kind = "published" } }
sizing = { kind = "fixed_notional", amount = 10_000 }
agent = { type = "buy_and_hold" }
"""
PATH = 'bootstrap={ path = 2, block = "5d" }'


def loaded(*settings: str) -> Loaded:
    return load(Path("paths.toml"), settings, text=CONFIG)


def test_a_config_with_a_path_runs_on_it_and_the_same_path_is_the_same_again() -> None:
    tape, again, plain = build_tape(loaded(PATH)), build_tape(loaded(PATH)), build_tape(loaded())
    assert tape.hash() == again.hash() != plain.hash()
    assert "path 2 of the bootstrap (seed 0): 90 days in blocks of 5 on average" in tape.origin["bars"]
    others = (*(PATH.replace("2", text) for text in ("3", "2, seed = 1")), PATH.replace("5d", "6d"))
    assert len({build_tape(loaded(other)).hash() for other in others} | {tape.hash()}) == 4


def test_blocks_are_as_long_as_the_market_asks_for() -> None:
    tape = build_tape(loaded())
    auto = block_days(tape, Bootstrap(path=0))
    assert 1.0 <= auto <= 30.0
    assert block_days(tape, Bootstrap(path=0, block="36h")) == 1.5
    assert market_path(tape, Bootstrap(path=0, block="90d")).hash() != tape.hash()
    with pytest.raises(ConfigError, match="59 days do not show how long a block should be"):
        build_tape(loaded("bootstrap.path=0", "market.days=59"))
    with pytest.raises(ConfigError, match="bootstrap: block: expected a mean length from 1 to 90 days"):
        build_tape(loaded("bootstrap.path=0", "bootstrap.block=91d"))
    with pytest.raises(ConfigError, match=r"bootstrap.block.*'auto' or a mean length of a day or more"):
        loaded("bootstrap.path=0", "bootstrap.block=2h")


def test_what_is_learnt_from_stays_as_it_was() -> None:
    training = "training={ until = 2024-02-15 }"
    lessons, of_path = training_part(loaded(training)), training_part(loaded(training, PATH))
    assert lessons is not None
    assert of_path is not None
    assert lessons.hash() == of_path.hash()
    traded = build_tape(loaded(training, PATH))
    assert traded.start_ns == build_tape(loaded(training)).start_ns
    assert traded.hash() != build_tape(loaded(training)).hash()


def test_paths_are_made_from_one_tape_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Loaded] = []

    def counted(one: Loaded) -> object:
        built.append(one)
        return build_tape(one)

    monkeypatch.setattr("halfspread.configs.held.build_tape", counted)
    tapes, configs = Tapes(), [loaded(PATH.replace("2", str(k))) for k in range(4)]
    made = [tapes.of(each, market_of(each)) for each in configs]
    assert len(built) == 1
    assert [each.hash() for each in made] == [build_tape(each).hash() for each in configs]
    before = tapes.size
    tapes.release([market_of(configs[0])])
    assert tapes.size == pytest.approx(before * 2 / 5, rel=0.01)  # the first path, and what all are made from
    assert tapes.of(configs[0], market_of(configs[0])) is made[0]
    tapes.of(configs[1], market_of(configs[1]))
    assert len(built) == 1
