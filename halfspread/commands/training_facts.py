"""What a training shows: the view of its page, from what the learner and its expert did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.judging import differ
from halfspread.agents.imitation.rollout import Episode
from halfspread.agents.networks.calibration import calibration
from halfspread.agents.policies.model import Model
from halfspread.agents.shift.analyzer import CovariateShiftAnalyzer
from halfspread.agents.shift.blocks import share_interval
from halfspread.commands.run_files import hash_of_file
from halfspread.commands.training import DEMONSTRATIONS, MODEL, Trained
from halfspread.configs.agents import parameters_of
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.reports.result import Result
from halfspread.reports.shift_view import ShiftView
from halfspread.reports.training_view import (
    Calibration,
    Fidelity,
    FitView,
    ModelFile,
    Money,
    Party,
    RoundView,
    Rows,
    TrainingView,
)

__all__ = ["training_view"]

NAN = math.nan
LEVEL = 0.95
#: Runs of so few decisions are not compared by their states.
SHORTEST = 50


def training_view(trained: Trained, home: Path) -> TrainingView:
    """The view of a training whose files lie in ``home``."""
    loaded, built, lesson = trained.loaded, trained.built, trained.lesson
    own = parameters_of(built.agent, built.config)
    teacher = own.pop("expert", None)
    training = loaded.config.training
    left_out = "" if training is None else str(training.embargo)
    result, model, judged = trained.result, trained.model, trained.visited or trained.held_out
    rounds = tuple(
        RoundView(
            each.number,
            each.beta,
            each.labels,
            each.disagreement,
            NAN if each.judgement is None else each.judgement.disagreement,
            NAN if each.judgement is None else each.judgement.disagreement_error,
            each.number == lesson.best,
        )
        for each in lesson.rounds
    )
    return TrainingView(
        title=loaded.config.name,
        what=f"{built.label} learns from {_named(teacher)}",
        method=built.config.type,
        expert=Party(_named(teacher), _named(teacher), {} if teacher is None else _without_type(teacher)),
        learner=Party(built.label, built.config.type, own),
        learnt=(_rows(lesson.dataset, trained.train, model),),
        judged=() if judged is None else (_rows(judged, trained.test, model),),
        embargo=left_out,
        currency=result.report_currency,
        fit=_fit(trained),
        fidelity=_fidelity(trained),
        rounds=rounds,
        money=tuple(Money.of(each) for each in (*reversed(trained.results[:2]),)),
        shifts=_shifts(trained),
        model=_model(model, home),
        assumptions=_assumptions(result, lesson.dataset.features),
        warnings=_warnings(trained),
        seed=loaded.config.seed,
    )


def _named(teacher: Mapping[str, Any] | None) -> str:
    return "records" if teacher is None else str(teacher["type"])


def _without_type(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != "type"}


def _rows(dataset: ExpertDataset, tape: Tape, model: Model) -> Rows:
    names = ", ".join(one.symbol for one in tape.instruments)
    first, last = int(dataset.times.min()), int(dataset.times.max())
    labels: dict[str, int] = {}
    if model.classes:
        counts = np.bincount(dataset.classes(model.targets), minlength=model.classes)
        labels = {_class(target): int(count) for target, count in zip(model.targets, counts, strict=True)}
    episodes = len(np.unique(dataset.episode))
    return Rows(names, first, last, len(dataset), len(tape), labels, episodes)


def _fit(trained: Trained) -> FitView:
    fit = trained.lesson.clone.fit
    return FitView(
        tuple(map(float, fit.losses)),
        tuple(map(float, fit.validation)),
        fit.best_epoch,
        trained.model.temperature,
        *_calibration(trained),
        seconds=trained.seconds,
    )


def _calibration(trained: Trained) -> tuple[tuple[Calibration, ...], float]:
    """Bins of the expert's states, held out, that are not empty, and the expected error."""
    model, rows = trained.model, trained.held_out
    if not model.classes or rows is None:
        return (), NAN
    wanted = np.eye(model.classes)[rows.classes(model.targets)]
    found = calibration(model.probabilities(rows.observations), wanted, rows.weight)
    bins = zip(found.predicted, found.found, found.share, strict=True)
    kept = tuple(
        Calibration(round(share * len(rows)), float(said), float(true)) for said, true, share in bins if share > 0.0
    )
    return kept, found.error


def _fidelity(trained: Trained) -> Fidelity | None:
    own, held_out = trained.own, trained.held_out
    if held_out is None:
        return None
    agreement, (regret, error) = trained.lesson.clone.agreement(held_out), _regret(trained)
    found = Fidelity(agreement, NAN, regret=regret, regret_error=error, regret_unit=trained.result.report_currency)
    if own is None:
        return found
    wrong = differ(own, trained.model.targets).astype(np.float64)
    changes, missed = _changes(own, trained.model)
    between = share_interval(wrong, np.zeros(len(wrong), np.int64), level=LEVEL)
    classes, confusion = _confusion(trained.model, own)
    return replace(
        found,
        disagreement=float(wrong.mean()),
        low=between.low,
        high=between.high,
        level=LEVEL,
        decisions=len(wrong),
        changes=changes,
        missed=missed / changes if changes else NAN,
        apart=_apart(trained, own),
        classes=classes,
        confusion=confusion,
    )


def _changes(own: Episode, model: Model) -> tuple[int, int]:
    """How many changes of what was in force the expert wanted, each until it was made or wanted no more, and how many
    were never made."""
    before = replace(own, executed=np.concatenate([[0.0], own.executed[:-1]]))
    asked, wrong = differ(before, model.targets), differ(own, model.targets)
    missed = int((asked & wrong & ~np.append(asked[1:], False)).sum())
    return int((asked & ~wrong).sum()) + missed, missed


def _apart(trained: Trained, own: Episode) -> float:
    """Share of decisions at which the learner wants something else than the expert in its own run at the same time."""
    alone = trained.expert_run
    if alone is None or len(alone.times) != len(own.times) or (alone.times != own.times).any():
        return NAN
    return float(differ(replace(own, expert=alone.executed), trained.model.targets).mean())


def _nearest(model: Model, targets: Any) -> Any:
    return np.abs(targets[:, None] - model.targets).argmin(axis=1)


def _confusion(model: Model, own: Episode) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    if not model.classes:
        return (), ()
    counts = np.zeros((model.classes, model.classes), np.int64)
    np.add.at(counts, (_nearest(model, own.expert), _nearest(model, own.executed)), 1)
    names = tuple(map(_class, model.targets))
    return names, tuple(tuple(map(int, row)) for row in counts)


def _class(target: float) -> str:
    return f"{target:+g}" if target else "0"


def _regret(trained: Trained) -> tuple[float, float]:
    """What the expert made and the learner did not, and its standard error from days, in report currency."""
    if trained.expert_result is None:
        return NAN, NAN
    one, two = (each.daily()["pnl"].to_numpy() for each in (trained.expert_result, trained.result))
    apart = one - two if len(one) == len(two) else np.zeros(0)
    error = float(apart.std(ddof=1) * math.sqrt(len(apart))) * trained.result.notional if len(apart) > 1 else NAN
    return float(trained.expert_result.pnl - trained.result.pnl), error


def _shifts(trained: Trained) -> tuple[ShiftView, ...]:
    """What acting did to the states (the learner's own run against that of the expert on the same market), and what the
    market did (the expert's run on what was held out against the demonstrations)."""
    held_out, visited = trained.held_out, trained.visited
    if held_out is None or visited is None:
        return ()
    targets = tuple(map(float, trained.model.targets)) or None
    analyzer = CovariateShiftAnalyzer(targets=targets)
    learner, expert = "states of the learner, held out", "states of the expert, held out"
    pairs = ((held_out, visited, (expert, learner)), (trained.lesson.dataset, held_out, ("demonstrations", expert)))
    found = []
    for i, (reference, others, names) in enumerate(pairs):
        if min(len(reference), len(others)) <= max(SHORTEST, trained.model.features.count):
            continue
        rng = np.random.default_rng([trained.loaded.config.seed, 6, i])
        found.append(ShiftView.of(analyzer.compare(reference, others, rng, names=names)))
    return tuple(found)


def _model(model: Model, home: Path) -> ModelFile:
    path, network = home / MODEL, model.network
    seen = "; ".join(f"{each.instrument} {time_text(each.start)} to {time_text(each.end)}" for each in model.trained)
    return ModelFile(
        MODEL,
        path.stat().st_size,
        hash_of_file(path),
        str(network),
        network.size,
        (*model.features.names, *(map(str, filter(None, [model.features.reservoir])))),
        model.features.stack,
        seen,
    )


def _assumptions(result: Result, features: FeatureSet) -> dict[str, str]:
    return {**result.assumptions, "demonstrations": f"{DEMONSTRATIONS}; every feature is known when it is looked at"}


def _warnings(trained: Trained) -> tuple[str, ...]:
    return (*map(str, trained.result.warnings), *trained.unsaid)
