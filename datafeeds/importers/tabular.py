"""What a table is that is read in blocks, whatever it is stored as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.importers.where import Where

__all__ = ["Tabular"]


class Tabular(Protocol):
    """A table that is read in blocks: TextTable or ArrowTable."""

    @property
    def source(self) -> Source: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    def sample(self, name: str) -> Any: ...
    def blocks(self, types: Mapping[str, Any]) -> Iterator[tuple[Any, Where]]: ...
