"""Read a run config: a TOML file, overrides, and every fault with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from halfspread.configs.faults import close_match, explain
from halfspread.configs.fields import label_of
from halfspread.configs.model import AgentConfig, RunConfig
from halfspread.configs.overrides import apply
from halfspread.configs.places import Places
from halfspread.errors import ConfigError

__all__ = ["Loaded", "find_config", "load", "packaged"]

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Loaded:
    """A config and where it came from. Paths in it are relative to ``folder``."""

    config: RunConfig
    path: Path
    places: Places = field(repr=False)
    overrides: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of the file."""
        return self.path.resolve().parent


def packaged() -> dict[str, Path]:
    """The configs that come with halfspread, by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def find_config(name: str) -> Path:
    """The file that a user means: a path, or the name of a config that comes with halfspread. Raises ConfigError."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    known = packaged()
    if name in known:
        return known[name]
    if path.is_dir():
        raise ConfigError(f"{name} is a folder; expected a config file, such as {Path(name) / 'my.toml'}")
    beside = [str(each) for each in sorted(path.parent.glob("*.toml"))] if path.parent.is_dir() else []
    raise ConfigError(
        f"{name}: no such file, and no config of that name comes with halfspread "
        f"({', '.join(known)}){close_match(name, [*beside, *known])}"
    )


def load(name: str | Path, settings: Sequence[str] = (), *, text: str | None = None) -> Loaded:
    """Read the config ``name`` (see `find_config`) with ``settings`` (``key=value``) put in; ``text``: what its file
    holds, where that was read before.

    Raises ConfigError that says, for every fault, the file and line or the setting, the key, what was expected and what
    was found.
    """
    path = find_config(str(name)) if text is None else Path(name)
    if text is None:
        text = _read(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not readable as TOML: {error}") from None
    data, overridden = apply(data, settings, _labels(data))
    places = Places(str(path), text, overridden)
    return Loaded(parse(data, places), path, places, tuple(settings))


def parse(data: Mapping[str, Any], places: Places) -> RunConfig:
    """The config that ``data``, as TOML gives them, describe. Types are strict: ``"1"`` is no number."""
    try:
        return RunConfig.model_validate(_plain(data), strict=True)
    except ValidationError as error:
        raise ConfigError(explain(error, data, RunConfig, places)) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected a text file in UTF-8: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _labels(data: Mapping[str, Any]) -> list[str]:
    """Labels of the agents of a config that is not checked yet."""
    agents = data.get("agents", [data.get("agent")])
    labels = []
    for agent in agents if isinstance(agents, list) else []:
        kind, name = (agent.get("type"), agent.get("name")) if isinstance(agent, dict) else (None, None)
        if isinstance(name, str):
            labels.append(name)
        else:
            labels.append(AgentConfig(type=kind).label if isinstance(kind, str) and kind else label_of("agent"))
    return labels


def _plain(value: Any) -> Any:
    """TOML's values as the models want them: lists as tuples, dates as times; times without a zone are UTC."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value
