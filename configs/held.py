"""The tapes that are held for many runs, each by its market: an equal text for configs whose tapes are the same."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from halfspread.configs.build import build_tape, training_part
from halfspread.configs.load import Loaded
from halfspread.configs.tapes import path_of
from halfspread.engine.tape import Tape

__all__ = ["Tapes", "market_of", "tape_bytes"]


def market_of(loaded: Loaded) -> str:
    """Equal texts for configs whose tapes are the same: the markets, where their files are, the seed where one is made
    from it, what is left to learners, and which path of it all is meant."""
    config = loaded.config
    drawn = any(getattr(market, "seed", 0) is None for market in config.all_markets)
    seed = config.seed if drawn else None
    return repr((config.all_markets, str(loaded.folder), seed, config.training, config.bootstrap))


class Tapes:
    """Tapes by market, until they are released. Paths of one market are made from the one tape of it, which is held
    until another market is read. Safe to use from several threads."""

    def __init__(self) -> None:
        self._held: dict[str, Tape] = {}
        self._original = ""
        self._lessons: tuple[str, Tape | None] = ("", None)
        self._lock = threading.Lock()

    def of(self, loaded: Loaded, market: str) -> Tape:
        """The tape of a config, read or made unless it is held. Raises what `build_tape` does."""
        found = self._held.get(market)
        if found is not None:
            return found
        with self._lock:
            if market not in self._held:
                self._held[market] = self._made(loaded, market)
            return self._held[market]

    def _made(self, loaded: Loaded, market: str) -> Tape:
        if loaded.config.bootstrap is None:
            return build_tape(loaded)
        plain = replace(loaded, config=loaded.config.model_copy(update={"bootstrap": None}))
        original = market_of(plain)
        if original not in self._held:
            self._held.pop(self._original, None)
            self._held[original] = build_tape(plain)
        self._original = original
        return path_of(self._held[original], loaded)

    def lessons(self, loaded: Loaded) -> Tape | None:
        """What learners of a config are fitted on, read once for all that share it; None where the config does not say.
        Raises what `training_part` does."""
        if loaded.config.training is None:
            return None
        plain = replace(loaded, config=loaded.config.model_copy(update={"bootstrap": None}))
        market = market_of(plain)
        with self._lock:
            if self._lessons[0] != market:
                self._lessons = ("", None)
                self._lessons = (market, training_part(plain))
            return self._lessons[1]

    def release(self, keep: Collection[str]) -> None:
        """Let go of all but the tapes of the markets ``keep`` and what the last path was made from."""
        with self._lock:
            self._held = {name: tape for name, tape in self._held.items() if name in keep or name == self._original}

    @property
    def size(self) -> int:
        """Bytes of all that is held."""
        return sum(map(tape_bytes, list(self._held.values())))


def tape_bytes(tape: Tape) -> int:
    """Bytes of the tables of a tape in memory."""
    tables = [feed.table(kind) for feed in tape.feeds for kind in feed.kinds]
    arrays = [value for table in tables for value in vars(table).values() if isinstance(value, np.ndarray)]
    return sum(array.nbytes for array in arrays)
