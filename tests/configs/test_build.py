"""From a config to a tape and agents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from halfspread.configs.build import build_agents, build_tape, data_files, effective
from halfspread.configs.load import Loaded, load
from halfspread.configs.toml import to_toml
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError, InstrumentError

REST = """
[costs]
half_spread = { kind = "none" }
fees = { kind = "venue" }
funding = { kind = "none" }
[sizing]
kind = "fixed_contracts"
contracts = 1
[agent]
type = "buy_and_hold"
"""
BARS = 'name = "files"\n[market]\nsource = "bars"\nvenue = "bybit"\nsymbol = "BTCUSDT"\n'
DATA = SyntheticMarket(days=2, interval="1m").generate(np.random.default_rng(0))


def config(folder: Path, market: str = "", *settings: str, start: str = BARS) -> Loaded:
    path = folder / "files.toml"
    path.write_text(start + market + REST, encoding="utf-8")
    return load(path, settings)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    DATA.bars_frame().to_parquet(tmp_path / "bars.parquet")
    DATA.funding_frame().to_parquet(tmp_path / "funding.parquet")
    DATA.mark_frame().to_parquet(tmp_path / "mark.parquet")
    return tmp_path


def test_bars_funding_and_mark_are_read_from_files_beside_the_config(files: Path) -> None:
    loaded = config(files, 'bars = "bars.parquet"\nfunding = "funding.parquet"\nmark = "./mark.parquet"\n')
    tape = build_tape(loaded)
    assert tape.instrument.name == "bybit:BTCUSDT"
    assert len(tape) == 2880
    assert tape.funding is not None
    assert len(tape.funding) == 6
    assert tape.mark is not None
    assert list(data_files(loaded)) == ["bars", "funding", "mark"]


def test_a_path_may_hold_variables_and_one_that_is_not_set_is_told_with_the_key(
    files: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    loaded = config(elsewhere, 'bars = "${MARKETS}/bars.parquet"\n')
    monkeypatch.delenv("MARKETS", raising=False)
    with pytest.raises(ConfigError, match=r"files\.toml:6: market\.bars: .*MARKETS is not set.*export MARKETS="):
        build_tape(loaded)
    monkeypatch.setenv("MARKETS", str(files))
    assert len(build_tape(loaded)) == 2880


@pytest.mark.parametrize(
    ("name", "expected"), [("absent.parquet", "no such file"), (".", "is a folder, expected a file")]
)
def test_a_file_that_is_not_there_is_told_with_key_and_line(files: Path, name: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=rf"files\.toml:7: market\.funding: .*{expected}"):
        build_tape(config(files, f'bars = "bars.parquet"\nfunding = "{name}"\n'))


def test_an_unknown_symbol_is_told_with_what_there_is(files: Path) -> None:
    loaded = config(files, 'bars = "bars.parquet"\n', "market.symbol=BTCUSDTT")
    with pytest.raises(
        InstrumentError, match=r"--set market\.symbol=BTCUSDTT: market\.symbol: .*[Dd]id you mean 'BTCUSDT'"
    ):
        build_tape(loaded)


def test_a_contract_of_ones_own_is_described_beside_the_symbol(files: Path) -> None:
    terms = (
        'contract = { kind = "quanto", base = "ETH", quote = "USD", settle = "XBT", multiplier = 1e-6, tick = 0.05 }\n'
    )
    loaded = config(files, 'bars = "bars.parquet"\n' + terms, "market.venue=elsewhere", "market.symbol=ETHX")
    instrument = build_tape(loaded).instrument
    assert (instrument.name, instrument.kind, instrument.settle, instrument.tick) == (
        "elsewhere:ETHX",
        "quanto",
        "XBT",
        0.05,
    )
    with pytest.raises(ConfigError, match=r"market\.contract\.settle: a quanto contract needs one"):
        config(files, 'bars = "bars.parquet"\n' + terms.replace('settle = "XBT", ', ""))
    half = terms.replace("tick =", "taker = 1e-4, tick =")
    with pytest.raises(InstrumentError, match=r"files\.toml:7: market\.contract: .*taker"):
        build_tape(config(files, 'bars = "bars.parquet"\n' + half))


def test_bars_are_cut_and_gaps_checked(files: Path) -> None:
    cut = config(files, 'bars = "bars.parquet"\nstart = 2024-01-01T06:00:00Z\nend = 2024-01-02\n')
    assert len(build_tape(cut)) == 18 * 60
    with pytest.raises(DataError, match=r"row 360 .*gap"):
        build_tape(config(files, 'bars = "bars.parquet"\ngaps = [[2024-01-01T06:00:00Z, 2024-01-01T07:00:00Z]]\n'))


def test_a_streamed_market_is_the_same_market(files: Path) -> None:
    whole, streamed = config(files, 'bars = "bars.parquet"\n'), config(files, 'bars = "bars.parquet"\nstream = true\n')
    assert build_tape(streamed).streamed
    assert build_tape(streamed).hash() == build_tape(whole).hash()


def test_only_parquet_is_streamed(files: Path) -> None:
    DATA.bars_frame().to_csv(files / "bars.csv", index=False)
    with pytest.raises(ConfigError, match=r"files\.toml:7: market\.stream: only Parquet files can be streamed"):
        build_tape(config(files, 'bars = "bars.csv"\nstream = true\n'))


def test_finer_bars_are_put_together_within_the_range(files: Path) -> None:
    loaded = config(files, 'bars = "bars.parquet"\nresample = "5m"\nstart = 2024-01-01T06:03:00Z\nend = 2024-01-02\n')
    tape = build_tape(loaded)
    made = DATA.bars_frame().set_index("ts")["2024-01-01 06:05":"2024-01-01 23:59"].resample("5min")
    assert len(tape) == 18 * 12 - 1
    assert isinstance(tape, Tape)
    bars = tape.bars
    assert not tape.streamed
    np.testing.assert_array_equal(bars.rows[:, 1], made["high"].max())  # type: ignore[union-attr]
    np.testing.assert_array_equal(bars.rows[:, 8], made["ask_close"].last())  # type: ignore[union-attr]
    minutes = DATA.bars_frame().set_index("ts")["2024-01-01 06:05":"2024-01-01 23:59"]
    signed = (np.sign(minutes["close"] - minutes["open"]) * minutes["volume"]).resample("5min").sum()
    assert tape.columns[-1] == "signed_volume"
    np.testing.assert_allclose(bars.rows[:, -1], signed, rtol=1e-12)  # type: ignore[union-attr]
    assert tape.origin["bars"] == "bars.parquet, 1m bars put together to 5m, 1 incomplete bars left out"
    assert build_tape(load(loaded.path, ["market.resample=300"])).hash() == tape.hash()


@pytest.mark.parametrize(
    ("market", "expected"),
    [
        (
            'resample = "90s"\ninterval = "1m"\n',
            "market.resample: expected a whole multiple of the interval '1m', got '90s'",
        ),
        ('resample = "5m"\nstream = true\n', "bars that are resampled are not streamed"),
        ('resample = "5m"\nextra = ["x"]\n', "no rule for resampling further columns"),
        (
            "start = 2024-01-02\nend = 2024-01-01\n",
            "expected a time after start 2024-01-02T00:00Z, got 2024-01-01T00:00Z",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(files: Path, market: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(files, 'bars = "bars.parquet"\n' + market)
    assert expected in str(caught.value)


SYNTHETIC = 'name = "made"\nseed = 4\n[market]\nsource = "synthetic"\ndays = 1\n'


def test_the_seed_of_the_run_makes_the_market_unless_it_has_its_own(tmp_path: Path) -> None:
    four = build_tape(config(tmp_path, start=SYNTHETIC)).hash()
    assert build_tape(config(tmp_path, "", "seed=5", start=SYNTHETIC)).hash() != four
    assert build_tape(config(tmp_path, "", "seed=5", "market.seed=4", start=SYNTHETIC)).hash() == four


def test_the_instrument_of_a_synthetic_market_says_what_it_is_and_has_its_tick_and_lot(tmp_path: Path) -> None:
    tape = build_tape(config(tmp_path, "", "market.tick=0.5", "market.lot=0.01", start=SYNTHETIC))
    assert tape.instrument.name == "synthetic:BTCUSDT"
    assert (tape.instrument.tick, tape.instrument.lot) == (0.5, 0.01)
    assert tape.instrument.fees is not None


def test_the_effective_config_reads_back_as_the_same_run(files: Path) -> None:
    market = 'bars = "bars.parquet"\nfunding = "funding.parquet"\nstart = 2024-01-01T06:00:00Z\nend = 2024-01-02\n'
    for loaded in (config(files, market, "agent.position=0.5"), config(files, start=SYNTHETIC)):
        text = to_toml(effective(loaded, build_agents(loaded)))
        shown = files / "shown.toml"
        shown.write_text(text, encoding="utf-8")
        again = load(shown)
        assert to_toml(effective(again, build_agents(again))) == text
        assert again.config.model_dump(exclude={"agent"}) == loaded.config.model_dump(exclude={"agent"})
        assert build_agents(again)[0].agent.parameters() == build_agents(loaded)[0].agent.parameters()


def test_the_effective_config_writes_out_every_default(tmp_path: Path) -> None:
    loaded = config(tmp_path, start=SYNTHETIC)
    data = effective(loaded, build_agents(loaded), times_as_text=True)
    assert data["execution"] == {"matching": "pessimistic", "stale_after": "1h", "mode": "auto"}
    assert data["margin"] == {"kind": "cross", "without_mark": "extremes"}
    assert data["agent"] == {"type": "buy_and_hold", "name": "buy_and_hold", "lookback": 0, "position": 1.0}
    assert data["market"]["start"] == "2024-01-01T00:00:00Z"
    assert pd.Timestamp(data["market"]["start"]).tzinfo is not None


def test_one_agent_of_several_is_built_alone_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(SYNTHETIC + REST.replace("[agent]", '[[agents]]\ntype = "bollinger"\n[[agents]]'), encoding="utf-8")
    loaded = load(path)
    assert [each.label for each in build_agents(loaded)] == ["bollinger", "buy_and_hold"]
    assert [each.label for each in build_agents(loaded, "bollinger")] == ["bollinger"]
    with pytest.raises(
        ConfigError, match="no agent 'bolinger'; there are bollinger, buy_and_hold; did you mean 'bollinger'"
    ):
        build_agents(loaded, "bolinger")
