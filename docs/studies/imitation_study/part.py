"""What the study consists of: parts, each with its jobs, its numbers, its section of the page and its pictures.

A part of its own makes a `Part` in a module of its own, and is put into the list of `parts`. Its numbers stand in
imitation.json under its name; nothing is said on the page that is not in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["FULL", "Part", "Size", "Study"]

#: Everything that imitation.json holds, by name.
Study = Mapping[str, Any]


@dataclass(frozen=True)
class Size:
    """How much is run: paired ``seeds``, ``fresh`` markets that each policy is judged on, ``rollouts`` of labels for
    each learner, ``epochs`` of a fit, and the longest ``horizon`` (steps)."""

    seeds: int = 12
    fresh: int = 20
    rollouts: int = 6
    epochs: int = 15
    horizon: int = 4000


FULL = Size()


def _nothing(study: Study) -> dict[str, str]:
    return {}


def _lacks_nothing() -> str:
    return ""


@dataclass(frozen=True)
class Part:
    """``jobs`` gives what is to be done, each piece for ``work`` in a process of its own (a function of a module, since
    it is sent there); ``numbers`` makes JSON of what came of them, in their order, and of the parts before.
    ``section``: Markdown, with its heading, from the study. ``pictures``: SVG by the names of files. ``lacks``: why the
    part cannot be run here, empty where it can; what a former run found is kept then.
    """

    name: str
    jobs: Callable[[Size], Sequence[Any]]
    work: Callable[[Any], Any]
    numbers: Callable[[Sequence[Any], Size, Study], dict[str, Any]]
    section: Callable[[Study], str]
    pictures: Callable[[Study], dict[str, str]] = _nothing
    lacks: Callable[[], str] = _lacks_nothing
