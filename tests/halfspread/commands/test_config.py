"""``halfspread config`` and ``halfspread warmup``."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from halfspread.compiled import cache_folder

Command = Any


def test_the_effective_config_is_toml_that_runs_to_the_same_numbers(small: Path, halfspread: Command) -> None:
    shown = halfspread("config", "show", small, "--set", "agent.fast=6")
    assert shown.code == 0
    data = tomllib.loads(shown.out)
    assert data["agent"] == {
        "type": "sma_cross",
        "name": "sma_cross",
        "fast": 6,
        "slow": 20,
        "band": 0.0,
        "allow_short": True,
    }
    Path("shown.toml").write_text(shown.out, encoding="utf-8")
    assert halfspread("config", "show", "shown.toml").out == shown.out
    first = json.loads(halfspread("run", small, "--set", "agent.fast=6", "--json").out)
    second = json.loads(halfspread("run", "shown.toml", "--json").out)
    assert first["metrics"] == second["metrics"]


@pytest.mark.parametrize("name", ["quickstart", "xbtusd_experts", "btcusdt_experts", "constant_xbtusd"])
def test_a_packaged_config_is_shown_without_its_data_and_reads_back(
    halfspread: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.delenv("HALFSPREAD_DATA", raising=False)
    done = halfspread("config", "show", name)
    assert done.code == 0
    assert tomllib.loads(done.out)["name"] == name
    (tmp_path / "shown.toml").write_text(done.out, encoding="utf-8")
    assert halfspread("config", "show", tmp_path / "shown.toml").out == done.out


def test_the_schema_is_one_json_object(halfspread: Command) -> None:
    schema = json.loads(halfspread("config", "schema").out)
    assert schema["title"] == "RunConfig"
    assert set(schema["required"]) == {"name", "costs", "sizing"}


def test_warmup_says_where_the_cache_is_and_deletes_stale_ones(
    halfspread: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cache_folder()
    monkeypatch.setenv("HALFSPREAD_CACHE_DIR", str(tmp_path))
    stale = tmp_path / "kernels-0000"
    stale.mkdir()
    done = halfspread("warmup")
    assert done.code == 0
    assert str(folder) in done.out
    assert "deleted 1 cache(s) of other versions" in done.out
    assert not stale.exists()
