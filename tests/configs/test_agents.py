"""Agents by built-in name, by module and class, and by file; what cannot be imported or made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from halfspread.configs.agents import agent_class, build_agent, parameters_of
from halfspread.configs.model import AgentConfig
from halfspread.errors import ConfigError, StrategyError
from halfspread.strategies.bollinger import Bollinger
from halfspread.strategies.sma_cross import SmaCross

TEN_LINES = """\
import halfspread as hs


class Mine(hs.Strategy):
    lookback: int = 3
    level: float = 0.5

    def on_bar(self, market):
        return self.level if market.close > market.history("close").mean() else -self.level
"""


def write(folder: Path, text: str = TEN_LINES, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_built_in_agent_is_found_by_its_name_and_gets_its_parameters(tmp_path: Path) -> None:
    agent = build_agent(AgentConfig.model_validate({"type": "sma_cross", "fast": 5, "slow": 9}), tmp_path)
    assert isinstance(agent, SmaCross)
    assert (agent.fast, agent.slow) == (5, 9)


def test_a_class_is_found_by_module_and_name(tmp_path: Path) -> None:
    assert agent_class("halfspread.strategies.bollinger:Bollinger", tmp_path) is Bollinger


def test_a_module_beside_the_config_is_found_and_the_import_path_is_left_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, name="beside_the_config.py")
    before = list(sys.path)
    assert agent_class("beside_the_config:Mine", tmp_path).__name__ == "Mine"
    assert sys.path == before
    del sys.modules["beside_the_config"]


@pytest.mark.parametrize("kind", ["./mine.py", "mine.py", "./mine.py:Mine", "{folder}/mine.py", "$MINE/mine.py"])
def test_ten_lines_in_a_file_are_an_agent(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.setenv("MINE", str(tmp_path))
    config = AgentConfig.model_validate({"type": kind.format(folder=tmp_path), "level": 0.25})
    agent = build_agent(config, tmp_path)
    assert parameters_of(agent, config) == {"lookback": 3, "level": 0.25}


def test_a_file_may_import_what_lies_beside_it_but_shadows_nothing(tmp_path: Path) -> None:
    write(tmp_path, "VALUE = 0.75\n", "helper_of_mine.py")
    write(tmp_path, "raise RuntimeError('the wrong json')\n", "json.py")
    text = "import json\nfrom helper_of_mine import VALUE\n" + TEN_LINES.replace("0.5", "VALUE")
    write(tmp_path, text)
    sys.modules.pop("json", None)
    assert build_agent(AgentConfig(type="./mine.py"), tmp_path).level == 0.75
    del sys.modules["helper_of_mine"]


def test_only_the_named_file_is_run(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "raise RuntimeError('never run')\n", "other.py")
    assert agent_class("./mine.py", tmp_path).__name__ == "Mine"


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    write(tmp_path)
    first = agent_class("./mine.py", tmp_path)
    assert agent_class("./mine.py", tmp_path) is first
    write(tmp_path, TEN_LINES.replace("level: float = 0.5", "level: float = 0.9"))
    assert build_agent(AgentConfig(type="./mine.py"), tmp_path).level == 0.9


def test_a_file_with_several_strategies_wants_a_name_and_an_imported_one_does_not_count(tmp_path: Path) -> None:
    two = TEN_LINES + "\n\nclass Other(Mine):\n    pass\n"
    write(tmp_path, "from halfspread.strategies import SmaCross\n" + two)
    with pytest.raises(ConfigError, match=r"expected one strategy .* found Mine, Other; say which: .*\./mine\.py:Mine"):
        agent_class("./mine.py", tmp_path)
    assert agent_class("./mine.py:Other", tmp_path).__name__ == "Other"
    write(tmp_path, "from halfspread.strategies import SmaCross\n" + TEN_LINES)
    assert agent_class("./mine.py", tmp_path).__name__ == "Mine"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sma_crss", "unknown agent 'sma_crss'; expected one of .*bollinger, .*did you mean 'sma_cross'"),
        ("my.module", "unknown agent 'my.module'"),
        ("./absent.py", "absent.py: no such file"),
        ("$NOT_SET_ANYWHERE/mine.py", "NOT_SET_ANYWHERE is not set"),
        ("./mine.py:Mien", "no class 'Mien'; strategies there: Mine; did you mean 'Mine'"),
        ("./mine.py:hs", "hs is no strategy"),
        ("json:JSONDecoder", "JSONDecoder is no strategy"),
        ("json:loads", "loads is no strategy"),
        ("./empty.py", "expected one strategy .* found none"),
    ],
)
def test_an_agent_that_is_not_there_is_told_with_what_is(tmp_path: Path, kind: str, expected: str) -> None:
    write(tmp_path)
    write(tmp_path, "x = 1\n", "empty.py")
    with pytest.raises(ConfigError, match=expected) as caught:
        agent_class(kind, tmp_path, "mine.toml:7: agent a")
    assert str(caught.value).startswith("mine.toml:7: agent a: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import halfspread\nimport no_such_module\n", r"ModuleNotFoundError: .*no_such_module.*bad\.py, line 2\)"),
        ("x = 1\nclass A(\n", r"SyntaxError in .*bad\.py, line 2"),
        ("x = 1 / 0\n", r"ZeroDivisionError: division by zero \(.*bad\.py, line 1\)"),
        ("import sys\nsys.exit(3)\n", r"SystemExit: 3 \(.*bad\.py, line 2\)"),
    ],
)
def test_a_file_that_fails_on_import_is_told_with_file_and_line(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path, text, "bad.py")
    before = set(sys.modules)
    with pytest.raises(StrategyError, match=expected):
        agent_class("./bad.py", tmp_path)
    assert set(sys.modules) <= before
    assert not (tmp_path / "__pycache__").exists()


def test_a_module_that_is_not_installed_is_told(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="nowhere_to_be_found: cannot be imported: ModuleNotFoundError"):
        agent_class("nowhere_to_be_found:Mine", tmp_path)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"fsat": 3}, "no parameter 'fsat'"),
        ({"fast": "three"}, "fast: .*got 'three'"),
        ({"fast": 50, "slow": 20}, "fast has to be less than slow"),
    ],
)
def test_parameters_that_an_agent_does_not_take_are_refused(
    tmp_path: Path, parameters: dict[str, object], expected: str
) -> None:
    config = AgentConfig.model_validate({"type": "sma_cross", **parameters})
    with pytest.raises(ConfigError, match=f"mine.toml:3: .*{expected}"):
        build_agent(config, tmp_path, "mine.toml:3")


def test_an_agent_whose_constructor_fails_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, TEN_LINES + "\n    def check(self):\n        raise KeyError('oh')\n")
    with pytest.raises(StrategyError, match=r"cannot be made: KeyError: 'oh' \(.*mine\.py, line 12\)"):
        build_agent(AgentConfig(type="./mine.py"), tmp_path)


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("sma_cross", "sma_cross"),
        ("package.module:Class", "Class"),
        ("./folder/my strategy.py", "my_strategy"),
        ("./my.py:Class", "Class"),
        ("C:\\folder\\my.py", "my"),
        ("./..py", "agent"),
    ],
)
def test_an_agent_is_labelled_by_its_type_unless_it_has_a_name(kind: str, label: str) -> None:
    assert AgentConfig(type=kind).label == label
    assert AgentConfig(type=kind, name="own").label == "own"


def test_an_agent_that_asks_for_the_future_has_to_say_so(tmp_path: Path) -> None:
    asks = TEN_LINES + "\n    def foresee(self, tape, costs, **options):\n        return self\n"
    config = AgentConfig.model_validate({"type": "./mine.py"})
    write(tmp_path, asks)
    with pytest.raises(StrategyError, match="does not say that it looks ahead"):
        build_agent(config, tmp_path)
    says = asks.replace("    level: float = 0.5\n", "    looks_ahead = True\n", 1).replace("self.level", "1.0")
    write(tmp_path, says, "says.py")
    assert build_agent(AgentConfig.model_validate({"type": "./says.py"}), tmp_path).looks_ahead
