"""Overrides of a config on the command line: ``--set agent.fast=10``, ``--set costs.half_spread.amount=2``."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from halfspread.configs.faults import close_match
from halfspread.configs.places import Key
from halfspread.errors import ConfigError

__all__ = ["apply"]

#: What may stand for itself without quotes: a word, an interval, a path, a name with dots.
_WORD = re.compile(r"[^\s\[\]{}\"'=#,]+")


def apply(
    data: Mapping[str, Any], settings: Sequence[str], labels: Sequence[str]
) -> tuple[dict[str, Any], dict[Key, str]]:
    """``data`` with each ``key=value`` of ``settings`` in place, and the keys that were set, with the setting as typed.

    A value is read as TOML; a word needs no quotes. ``labels`` are the names of the agents in order:
    ``agents.NAME.fast`` and ``agents.0.fast`` mean one of several, ``agent.fast`` the only one; ``markets.SYMBOL.end``
    and ``markets.0.end`` likewise. Raises ConfigError for a setting that is none or an agent or market that does not
    exist; keys that no model knows are left to the models.
    """
    changed = copy.deepcopy(dict(data))
    keys: dict[Key, str] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        names = [name.strip() for name in path.split(".")]
        if not equals or not all(names):
            raise ConfigError(f"--set {setting}: expected KEY=VALUE, such as --set seed=7 or --set agent.fast=10")
        key = _key_of(names, changed, labels, setting)
        _put(changed, key, _value(text.strip(), setting), setting)
        keys[key] = setting
    return changed, keys


def _value(text: str, setting: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        if _WORD.fullmatch(text):
            return text
        raise ConfigError(
            f"--set {setting}: {text!r} is no TOML value ({error}); numbers and true as they are, text in quotes"
        ) from None


def _key_of(names: list[str], data: Mapping[str, Any], labels: Sequence[str], setting: str) -> Key:
    """The path in the data for names as typed: an agent is found by its label or number, a market by symbol or
    number."""
    if names[0] in ("market", "markets"):
        return _entry_key(names, data, ("market", "markets"), _symbols(data), setting)
    return _entry_key(names, data, ("agent", "agents"), labels, setting)


def _symbols(data: Mapping[str, Any]) -> list[str]:
    markets = data.get("markets")
    tables = markets if isinstance(markets, list) else [data.get("market")]
    return [str(table.get("symbol", "")) if isinstance(table, dict) else "" for table in tables]


def _entry_key(
    names: list[str], data: Mapping[str, Any], words: tuple[str, str], labels: Sequence[str], setting: str
) -> Key:
    """A path that may lead into one of several tables; ``words``: what one of them, and all of them, are called."""
    one, many = words
    several = data.get(many)
    if not isinstance(several, list):
        if names[0] == many and isinstance(data.get(one), dict) and len(names) > 1 and names[1] in (*labels, "0"):
            return (one, *names[2:])
        return tuple(names)
    if names[0] == one:
        if len(several) != 1:
            raise ConfigError(
                f"--set {setting}: there are {len(several)} {many}, {', '.join(labels)}; "
                f"say which: {many}.{labels[0] if labels and labels[0] else '0'}.{'.'.join(names[1:])}=..."
            )
        return (many, 0, *names[1:])
    if names[0] != many or len(names) == 1:
        return tuple(names)
    if names[1] in labels:
        return (many, list(labels).index(names[1]), *names[2:])
    if names[1].isdigit() and int(names[1]) < len(several):
        return (many, int(names[1]), *names[2:])
    raise ConfigError(
        f"--set {setting}: no {one} {names[1]!r}; there are {', '.join(labels)}{close_match(names[1], labels)}"
    )


def _put(data: dict[str, Any], key: Key, value: Any, setting: str) -> None:
    """Set a value, making tables on the way."""
    at: Any = data
    for i, part in enumerate(key[:-1]):
        if isinstance(at, dict):
            at = at.setdefault(part, {})
        elif isinstance(at, list) and isinstance(part, int):
            at = at[part]
        if not isinstance(at, (dict, list)):
            raise ConfigError(
                f"--set {setting}: {'.'.join(map(str, key[: i + 1]))} is {at!r}, which has nothing inside; "
                f"set it as a whole: {'.'.join(map(str, key[: i + 1]))}=..."
            )
    if isinstance(at, list) and not isinstance(key[-1], int):
        raise ConfigError(f"--set {setting}: {'.'.join(map(str, key[:-1]))} is a list; set it as a whole")
    at[key[-1]] = value
