"""Trials of a Monte Carlo: seeds of the agents, paths of the market, and fields of the config that are drawn.

``agent.clip=uniform:0.9:1.0``, ``normal:MEAN:DEVIATION``, ``log_uniform:LOW:HIGH``, ``integer:LOW:HIGH`` (both
included) and ``choice:A,B,C`` are distributions. What trial number k draws depends on the seed of the config, on the
key and on k alone, so that more trials, or another key beside it, change nothing that was drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from halfspread.configs.bootstrap import Bootstrap
from halfspread.configs.cells import decimal_of, listed, whole
from halfspread.configs.model import RunConfig
from halfspread.errors import ConfigError

__all__ = ["Design", "Trial", "Vary", "parse_vary"]

_FORMS = (
    "write KEY=uniform:LOW:HIGH, log_uniform:LOW:HIGH, normal:MEAN:DEVIATION, integer:LOW:HIGH, or choice:A,B,C, such "
    "as --vary agent.clip=uniform:0.9:1.0"
)
_STREAM = 7
#: Keys that trials have a way of their own to set, and how.
_OWN = {
    "seed": "every trial has a seed of its own; say how many with --trials or --seeds",
    "bootstrap": "paths of the market are asked for with --paths, and --block",
    "name": "a name changes no result",
}


@dataclass(frozen=True)
class Vary:
    """A key and what its values are drawn from: ``kind``, with two numbers or the ``texts`` of a choice."""

    key: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "choice":
            return f"choice:{','.join(self.texts)}"
        ends = (int(self.low), int(self.high)) if self.kind == "integer" else (self.low, self.high)
        return f"{self.kind}:{ends[0]!r}:{ends[1]!r}"

    def draw(self, seed: int, trial: int) -> str:
        """The value of a trial, as text that ``--set`` takes."""
        own = int.from_bytes(hashlib.blake2b(self.key.encode(), digest_size=6).digest(), "big")
        rng = np.random.default_rng([seed, _STREAM, own, trial])
        if self.kind == "choice":
            return self.texts[int(rng.integers(len(self.texts)))]
        if self.kind == "integer":
            return str(int(rng.integers(int(self.low), int(self.high), endpoint=True)))
        if self.kind == "normal":
            return repr(float(rng.normal(self.low, self.high)))
        if self.kind == "log_uniform":
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
            return repr(min(max(value, self.low), self.high))
        return repr(float(rng.uniform(self.low, self.high)))


def parse_vary(texts: Sequence[str], settings: Sequence[str] = ()) -> tuple[Vary, ...]:
    """Distributions as typed after ``--vary``; ``settings`` are those of ``--set``. Raises ConfigError for one that
    cannot be read or is none, and for a key that is there twice, is set as well, or is not for this option."""
    found = tuple(_vary(text) for text in texts)
    keys = [each.key for each in found]
    fixed = {setting.partition("=")[0].strip() for setting in settings}
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(f"--vary {key} is there {keys.count(key)} times; give it one distribution")
        if key in fixed:
            raise ConfigError(f"{key}: --set gives it one value and --vary many; leave one of them out")
        why = _OWN.get(key) or (_OWN["bootstrap"] if key.startswith("bootstrap.") else None)
        first, last = key.partition(".")[0], key.rpartition(".")[2]
        if first in ("market", "markets") and last == "seed":
            why = "a market has a seed of its own for each path: --paths"
        elif first in ("agent", "agents") and last == "name":
            why = _OWN["name"]
        if why is not None:
            raise ConfigError(f"--vary {key}: {why}")
    return found


def _vary(text: str) -> Vary:
    key, equals, rest = (part.strip() for part in text.partition("="))
    kind, colon, values = rest.partition(":")
    if not equals or not key or not all(key.split(".")) or not colon:
        raise ConfigError(f"--vary {text}: expected a key and a distribution; {_FORMS}")
    if kind == "choice":
        return Vary(key, kind, texts=listed(values, f"--vary {text}", _FORMS))
    if kind not in ("uniform", "log_uniform", "normal", "integer"):
        raise ConfigError(f"--vary {text}: unknown distribution {kind!r}; {_FORMS}")
    parts = values.split(":")
    numbers = [decimal_of(part) for part in parts]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        raise ConfigError(f"--vary {text}: expected two numbers after {kind}:, got {values!r}; {_FORMS}")
    low, high = float(numbers[0]), float(numbers[1])
    if kind == "normal":
        if high <= 0.0:
            raise ConfigError(f"--vary {text}: expected a deviation above 0, got {parts[1]}")
    elif not low < high:
        raise ConfigError(f"--vary {text}: an empty range: {parts[0]} is not below {parts[1]}")
    if kind == "log_uniform" and low <= 0.0:
        raise ConfigError(f"--vary {text}: a logarithmic range begins above 0, got {parts[0]}")
    if kind == "integer" and not all(whole(part) for part in parts):
        raise ConfigError(f"--vary {text}: expected whole numbers, got {values!r}")
    return Vary(key, kind, low, high)


@dataclass(frozen=True)
class Trial:
    """One trial: its number, its draw (0, 1, ... of seeds and varied values) with its ``seed``, its ``path`` (None: the
    market as it was), the ``values`` drawn by key as typed, and the settings that make it."""

    index: int
    draw: int
    seed: int
    path: int | None
    values: dict[str, str]
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Design:
    """Which trials there are: each of ``seeds`` on each of ``paths`` (0: on the market as it is). ``vary``: what else
    is drawn, with each seed, or with each path where there is one seed."""

    config: RunConfig
    seeds: int
    paths: int = 0
    block: str | None = None
    vary: tuple[Vary, ...] = ()

    @property
    def count(self) -> int:
        """How many trials."""
        return self.seeds * max(self.paths, 1)

    @property
    def varies_market(self) -> bool:
        """Whether trials have markets of their own besides paths."""
        return any(each.key.partition(".")[0] in ("market", "markets") for each in self.vary)

    @property
    def crossed(self) -> bool:
        """Whether every seed runs on every path, several of both."""
        return self.seeds > 1 and self.paths > 1

    @property
    def market(self) -> Literal["one", "bootstrap", "drawn"]:
        """Where the paths come from: none but the one market, blocks of its days, or other seeds of a made-up one."""
        if not self.paths:
            return "one"
        drawn = self.block is None and self.config.bootstrap is None
        return "drawn" if drawn and all(hasattr(each, "seed") for each in self.config.all_markets) else "bootstrap"

    @property
    def pins(self) -> tuple[str, ...]:
        """What has every trial on one market: seeds of made-up markets that would follow that of the run."""
        return self._market_seeds(0)

    def _market_seeds(self, path: int) -> tuple[str, ...]:
        config = self.config
        found = []
        for i, market in enumerate(config.all_markets):
            if not hasattr(market, "seed"):
                continue
            own: Any = market.seed
            seed = (config.seed if own is None else own) + path
            key = "market.seed" if config.market is not None else f"markets.{i}.seed"
            found += [f"{key}={seed}"] if own is None or path else []
        return tuple(found)

    def trials(self) -> list[Trial]:
        """All trials, those of one path together."""
        found: list[Trial] = []
        for path in range(max(self.paths, 1)):
            for draw in range(self.seeds):
                number = path if self.seeds == 1 else draw
                values = {each.key: each.draw(self.config.seed, number) for each in self.vary}
                seed = self.config.seed + draw
                settings = (
                    f"seed={seed}",
                    *self._on(path),
                    *(f"{key}={value}" for key, value in values.items()),
                )
                found.append(Trial(len(found), draw, seed, path if self.paths else None, values, settings))
        return found

    def _on(self, path: int) -> tuple[str, ...]:
        if self.market != "bootstrap":
            return self._market_seeds(path)
        terms = self.bootstrap(path)
        block = f'"{terms.block}"' if isinstance(terms.block, str) else str(terms.block)
        return (*self.pins, f"bootstrap={{ path = {path}, seed = {terms.seed}, block = {block} }}")

    def bootstrap(self, path: int) -> Bootstrap:
        """A path of the bootstrap: of the seed and blocks that the config says, where it does."""
        before = self.config.bootstrap
        if before is None:
            return Bootstrap(path=path, seed=self.config.seed, block=self.block or "auto")
        return before.model_copy(update={"path": path, "block": self.block or before.block})
