"""The optimum in hindsight as an expert that can be asked anywhere: what is best from the position that is held now.

`Clairvoyant` knows the best path from its own start. This one knows, at every bar and for every level that may be in
force, what earns the most from there to the end of the tape: the labels that DAgger asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Unpack

import numpy as np
from pydantic import AfterValidator

from halfspread.agents.experts.clairvoyant import _closes, _levels, _prices, _refuse
from halfspread.agents.experts.hindsight_kernels import choose_level, search_back
from halfspread.costs.base import Floats, Integers
from halfspread.costs.margin import Margin
from halfspread.engine.instruments import Instrument
from halfspread.engine.session import Options, Session
from halfspread.errors import ConfigError
from halfspread.strategies.buy_and_hold import BuyAndHold
from halfspread.strategies.compiled import CompiledStrategy

if TYPE_CHECKING:
    from halfspread.costs.model import Costs
    from halfspread.engine.market import Market
    from halfspread.engine.tape import Tape

__all__ = ["Hindsight"]


@dataclass(frozen=True, eq=False)
class _Choices:
    """Places of levels, (decisions, levels): what to want at each of ``times`` (ns) for each level in force."""

    times: Integers
    choices: Floats


class Hindsight(CompiledStrategy):
    """Wants, of ``levels``, what earns the most from here to the end of the tape, net of half-spread, fees and funding,
    given the target in force (the nearest of the levels).

    Show it the market with `foresee`; `roll_out` and the learners do that. Exact where a level stands for the same
    contracts whenever it was entered: with FixedContracts, or resize="always". ``looks_ahead`` marks it: a bound, that
    no audit passes. It takes what `Clairvoyant` takes: one instrument on bars, no latency, no impact.
    """

    levels: Annotated[tuple[float, ...], AfterValidator(_levels)] = (-1.0, 0.0, 1.0)
    looks_ahead: ClassVar[bool] = True
    function = choose_level
    _seen: ClassVar[_Choices | None] = None

    def foresee(self, tape: Tape, costs: Costs, **options: Unpack[Options]) -> Hindsight:
        """The same with the choices for a tape under these terms (those of the run). Raises ConfigError for terms under
        which the best choice cannot be told."""
        made = type(self)(levels=self.levels)
        made.__dict__["_seen"] = _search(tape, costs, self.levels, options)
        return made

    @property
    def seen(self) -> _Choices:
        """Its choices. Raises ConfigError where there are none."""
        if self._seen is None:
            raise ConfigError("Hindsight knows no tape: show it one with expert.foresee(tape, costs, sizing=...)")
        return self._seen

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Refuse to run without choices. Raises ConfigError."""
        self.seen  # noqa: B018

    def memory(self) -> Floats:
        """See ``agents.experts.hindsight_kernels``."""
        seen = self.seen
        head = [0.0, float(len(seen.times)), float(len(self.levels))]
        return np.concatenate([head, seen.times.view(np.float64), self.levels, seen.choices.ravel()])

    def on_bar(self, market: Market) -> float:
        """The twin in Python."""
        seen = self.seen
        at = int(np.searchsorted(seen.times, market.time))
        if at == len(seen.times) or seen.times[at] != market.time:
            raise ConfigError("Hindsight: this is not the market that it was shown; show it the tape of the run")
        near = int(np.abs(np.array(self.levels) - market.target).argmin())
        return self.levels[int(seen.choices[at, near])]


def _search(tape: Tape, costs: Costs, levels: tuple[float, ...], options: Options) -> _Choices:
    _refuse(tape, costs, options)
    terms: dict[str, Any] = {**options, "margin": Margin.none(), "mode": "auto", "keep_curve": False}
    terms |= {"sink": None, "progress": None}
    with Session(tape, BuyAndHold(), costs, terms) as session:  # type: ignore[arg-type]
        if session.state.run["tiered"]:
            raise ConfigError("Hindsight: fees that depend on the volume traded before tie all trades together")
        at_open, shift = session.terms.fill == "next_open", session.terms.fill != "this_close"
        points, sizes, tail = _prices(session, at_open, np.array(levels))
    if options["sizing"].resize != "always" and not bool((sizes == sizes[:1]).all()):
        raise ConfigError(
            "Hindsight: with sizing by notional, sized when the target changes, what a position is depends on when it "
            "was entered; say FixedContracts(...), or resize='always'"
        )
    closes = _closes(tape)
    choices = np.zeros((len(closes), len(levels)))
    search_back(points, sizes, int(shift), tail, choices)
    return _Choices(closes, choices)
