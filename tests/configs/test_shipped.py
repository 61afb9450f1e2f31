"""The configs that come with halfspread, the example, and the schema that editors check them by."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from halfspread.configs.build import build_agents, build_tape
from halfspread.configs.load import load, packaged
from halfspread.configs.schema import config_schema
from halfspread.engine import instruments
from halfspread.engine.tape import Tape

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "my_strategy.toml"
SHIPPED = {**packaged(), "my_strategy": EXAMPLE}
SCHEMA = config_schema()


def plain(value: Any) -> Any:
    """TOML data as JSON has them."""
    return json.loads(json.dumps(value, default=lambda time: time.isoformat()))


def faults(value: Any, schema: Mapping[str, Any], path: str = "") -> list[str]:
    """What a value breaks of a schema: as much of JSON schema as pydantic writes for these models."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    found = chosen(value, schema, path)
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    kind = schema.get("type")
    if kind == "null":
        return found + ([] if value is None else [f"{path}: not null"])
    if kind is not None and (not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [*found, f"{path}: not of type {kind}"]
    return found + limits(value, schema, path) + parts(value, schema, path)


def chosen(value: Any, schema: Mapping[str, Any], path: str) -> list[str]:
    found = []
    for each in schema.get("allOf", []):
        found += faults(value, each, path)
    for keyword in ("anyOf", "oneOf"):
        fitting = [each for each in schema.get(keyword, []) if not faults(value, each, path)]
        if keyword in schema and not fitting:
            found.append(f"{path}: fits none of {keyword}")
        if keyword == "oneOf" and len(fitting) > 1:
            found.append(f"{path}: fits several of oneOf")
    return found


def limits(value: Any, schema: Mapping[str, Any], path: str) -> list[str]:
    refused: dict[str, Callable[[Any], bool]] = {
        "enum": lambda limit: value not in limit,
        "const": lambda limit: value != limit,
        "not": lambda limit: not faults(value, limit, path),
        "pattern": lambda limit: not re.search(limit, value),
        "minimum": lambda limit: value < limit,
        "exclusiveMinimum": lambda limit: value <= limit,
    }
    return [f"{path}: {name} {schema[name]}" for name, test in refused.items() if name in schema and test(schema[name])]


def parts(value: Any, schema: Mapping[str, Any], path: str) -> list[str]:
    found = []
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{path}.{name}: missing" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in properties:
                found += faults(item, properties[name], f"{path}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{path}.{name}: unknown")
    if isinstance(value, list):
        places = schema.get("prefixItems", [schema.get("items", {})] * len(value))
        found += [fault for i, item in enumerate(value) for fault in faults(item, places[i], f"{path}[{i}]")]
    return found


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_config_loads_makes_its_agents_and_fits_the_schema(name: str) -> None:
    loaded = load(SHIPPED[name])
    assert loaded.config.name == name
    assert build_agents(loaded)
    assert faults(plain(tomllib.loads(SHIPPED[name].read_text(encoding="utf-8"))), SCHEMA) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_config_names_no_place_of_one_machine(name: str) -> None:
    text = SHIPPED[name].read_text(encoding="utf-8")
    assert "/home" not in text
    assert "/work" not in text
    assert "/root" not in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sede": 1}, ".sede: unknown"),
        ({"seed": -1}, ".seed: minimum 0"),
        ({"name": "a/b"}, ".name: pattern"),
        ({"market": {"source": "synthetic", "dayz": 1}}, ".market: fits none of anyOf"),
        ({"agents": [{"type": "sma_cross", "fsat": 1}]}, ".agents[0]: fits none of anyOf"),
        ({"agents": [{"type": "./mine.py", "anything": 1}]}, ""),
        ({"agent": {"type": "bollinger"}}, ": fits several of oneOf"),
        ({"markets": [{"source": "synthetic"}]}, ": fits several of oneOf"),
        ({"market": {"source": "world", "world": "poisson_book", "intensity": 2.0}}, ""),
        ({"market": {"source": "world", "world": "poisson_book", "intensiti": 2.0}}, ".market: fits none of anyOf"),
        ({"margin": {"kind": "cros"}}, ".margin.kind: enum"),
    ],
)
def test_the_schema_refuses_what_a_config_may_not_hold(change: dict[str, Any], expected: str) -> None:
    data = plain(tomllib.loads(packaged()["quickstart"].read_text(encoding="utf-8")))
    found = faults({**data, **change}, SCHEMA)
    assert any(fault.startswith(expected) for fault in found) if expected else not found


def test_the_schema_describes_every_field_and_every_parameter_of_the_experts() -> None:
    for definition in (
        "BarsSource",
        "EventsSource",
        "SyntheticSource",
        "PoissonBookWorld",
        "TwoLegsWorld",
        "Execution",
    ):
        for name, field in SCHEMA["$defs"][definition]["properties"].items():
            assert field.get("description"), f"{definition}.{name}"
    experts = {each["title"]: each for each in SCHEMA["$defs"]["AgentConfig"]["anyOf"]}
    assert experts["SmaCross"]["properties"]["fast"]["description"] == "bars of the fast average"
    assert experts["SmaCross"]["additionalProperties"] is False


REAL = {
    "bybit_quotes": 721,
    "btcusdt_esn_rrl": 192_174,
    "compare_imitation": 181_439,
    "constant_xbtusd": 484_992,
    "dagger_position_expert": 181_439,
    "xbtusd_esn_rrl": 485_281,
    "xbtusd_experts": 564_047,
    "xbtusd_experts_historical_fees": 564_047,
    "xbtusd_online_learners": 485_281,
    "xbtusd_ranking": 286_272,
}


def test_the_configs_of_real_data_are_those_that_name_files() -> None:
    assert {name for name, path in packaged().items() if "$HALFSPREAD_DATA" in path.read_text("utf-8")} == set(REAL)


@pytest.mark.parametrize("name", REAL)
def test_a_shipped_config_of_real_data_finds_its_market(name: str, halfspread_data: Path) -> None:
    tape = build_tape(load(name))
    assert len(tape) == REAL[name]
    assert tape.funding is not None


def test_the_shipped_config_of_the_store_is_what_its_files_say(
    halfspread_store: Path, halfspread_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALFSPREAD_STORE", str(halfspread_store))
    folder = halfspread_data / "bybit"
    direct = Tape.from_bars(
        folder / "btcusdt_5m_2024_2026.parquet",
        instruments.bybit("BTCUSDT"),
        interval="5m",
        funding=folder / "btcusdt_funding_2021_2026.parquet",
        mark=folder / "btcusdt_mark_1h_2023_2026.parquet",
        gaps=[("2024-08-09T13:35Z", "2025-01-01T00:00Z")],
    )
    tape = build_tape(load("btcusdt_experts"))
    assert len(tape) == 192_174
    assert tape.bars.times.tobytes() == direct.bars.times.tobytes()  # type: ignore[union-attr]
    assert tape.bars.rows.tobytes() == direct.bars.rows.tobytes()  # type: ignore[union-attr]
    assert tape.gaps == direct.gaps
    assert tape.funding is not None
    assert direct.funding is not None
    assert tape.funding.rates.tobytes() == direct.funding.rates.tobytes()
