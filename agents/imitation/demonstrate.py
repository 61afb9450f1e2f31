"""Record an expert: its run on a tape as demonstrations that say where they come from."""

from __future__ import annotations

from typing import Any, Unpack

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.rollout import Episode, roll_out
from halfspread.costs.model import Costs
from halfspread.engine.agent import looks_ahead
from halfspread.engine.session import Options
from halfspread.engine.subscriptions import agent_name
from halfspread.engine.tape import Tape
from halfspread.engine.training import TrainingRange, training_range
from halfspread.strategies.base import Strategy

__all__ = ["demonstrate", "facts_of", "seen_by"]


def demonstrate(
    tape: Tape,
    expert: Any,
    features: FeatureSet,
    costs: Costs,
    *,
    instrument: int = 0,
    licence: str = "",
    **options: Unpack[Options],
) -> ExpertDataset:
    """The expert's own run as demonstrations: one episode, in which it acts alone.

    ``instrument``: whose targets are recorded; ``licence``: on what terms the data or the expert may be used, for
    whoever reads the file. ``options`` are those of `run_backtest`. Raises what `roll_out` raises.
    """
    episode = roll_out(tape, expert, features, costs, instrument=instrument, **options)
    facts = facts_of(tape, expert, episode, instrument, options.get("seed", 0)) | (
        {"licence": licence} if licence else {}
    )
    return ExpertDataset.of([episode], features, trained=seen_by(expert, tape), facts=facts)


def seen_by(expert: Any, tape: Tape) -> tuple[TrainingRange, ...]:
    """What a learner has seen that was taught by an expert on a tape: the tape, and what the expert has learnt from."""
    return tuple(dict.fromkeys((*training_range(tape), *getattr(expert, "trained", ()))))


def facts_of(tape: Tape, expert: Any, episode: Episode, instrument: int = 0, seed: int = 0) -> dict[str, Any]:
    """Who was recorded, on what, and on what terms, as plain JSON values."""
    parameters = {}
    if isinstance(expert, Strategy):
        parameters = dict(expert.model().model_validate(expert.parameters()).model_dump(mode="json", fallback=str))
    result = episode.result
    return {
        "expert": {
            "name": agent_name(expert),
            "parameters": parameters,
            "looks_ahead": looks_ahead(expert),
            "has_learnt": bool(getattr(expert, "trained", ())),
        },
        "instrument": tape.instruments[instrument].name,
        "data": {str(name): str(text) for name, text in tape.origin.items()},
        "fill": result.fill_convention,
        "seed": seed,
        "terms": {name: result.assumptions[name] for name in ("half-spread", "fees", "funding", "sizing")},
    }
