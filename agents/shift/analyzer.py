"""How far the states that a learner comes to are from those it was taught at, and what that does to its decisions."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import Field

from halfspread.agents.imitation.dataset import ExpertDataset
from halfspread.agents.imitation.rollout import EXPERT
from halfspread.agents.shift.actions import Change, by_novelty, change_of_actions
from halfspread.agents.shift.blocks import (
    LEAST_BLOCKS,
    Blocks,
    Interval,
    common_length,
    drawn_counts,
    interval,
    share_interval,
)
from halfspread.agents.shift.classifier import Told, classify
from halfspread.agents.shift.discrepancy import mean_discrepancy
from halfspread.agents.shift.estimates import Estimates
from halfspread.agents.shift.measures import check_states
from halfspread.agents.shift.report import ActionRow, FeatureRow, MeasureRow, NoveltyRow, ShiftReport, WindowRow
from halfspread.costs.base import Floats, Integers, Model
from halfspread.errors import DataError

__all__ = ["CovariateShiftAnalyzer"]

#: Expert targets of more different values than this are compared by their sign.
MOST_CLASSES = 7
#: Windows of the visited states have at least so many blocks each.
BLOCKS_A_WINDOW = 3


class CovariateShiftAnalyzer(Model):
    """Compares the states of two sets of demonstrations.

    ``block``: consecutive rows that are drawn and permuted as a whole; None: `common_length` of the features of both.
    ``resamples`` of every interval of ``level``, ``permutations`` of every p-value, ``windows`` of the visited states
    over time at most, ``folds`` of the classifier. ``most``: rows of each sample that the discrepancy looks at,
    ``most_told``: that the classifier does; both evenly from all blocks. ``targets``: the classes of actions; None: the
    values that the expert wants where they are few, their signs otherwise.
    """

    block: Annotated[int, Field(ge=1)] | None = None
    resamples: Annotated[int, Field(ge=100)] = 400
    permutations: Annotated[int, Field(ge=99)] = 400
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    windows: Annotated[int, Field(ge=1)] = 12
    folds: Annotated[int, Field(ge=2)] = 5
    most: Annotated[int, Field(ge=50)] = 800
    most_told: Annotated[int, Field(ge=200)] = 3_000
    targets: tuple[float, ...] | None = None

    def compare(
        self,
        reference: ExpertDataset,
        visited: ExpertDataset,
        rng: np.random.Generator,
        *,
        names: tuple[str, str] = ("states taught at", "states visited"),
    ) -> ShiftReport:
        """Everything that can be said of the shift from ``reference`` (the states that a learner was taught at) to
        ``visited`` (those of its own rollouts; of an expert's there is no disagreement to speak of). ``names`` of both
        in the report. 12,000 rows of 8 features against as many take about a second.

        Raises DataError for other features, and for fewer than 50 rows, or no more than features, in one of them.
        """
        if reference.features != visited.features:
            raise DataError("shift: the two sets of demonstrations look at other features; record one of them anew")
        states = reference.observations, visited.observations
        check_states(*states, least=max(50, states[0].shape[1] + 1))
        return _Comparison(self, reference, visited, rng).report(names)


class _Comparison:
    """One comparison: its blocks and what is drawn of them."""

    def __init__(
        self,
        settings: CovariateShiftAnalyzer,
        reference: ExpertDataset,
        visited: ExpertDataset,
        rng: np.random.Generator,
    ) -> None:
        self.settings, self.rng = settings, rng
        self.sets = reference, visited
        self.states = reference.observations, visited.observations
        self.notes: list[str] = []
        self.block = self._block()
        self.blocks = Blocks.of(reference.episode, self.block), Blocks.of(visited.episode, self.block)
        self.fewest = min(each.count for each in self.blocks)
        self.estimates = Estimates.of(*self.states, *self.blocks)
        self.ones = tuple(np.ones((1, each.count)) for each in self.blocks)
        self.draws = tuple(each.draws(settings.resamples, rng) for each in self.blocks)
        self.classes, self.actions = self._classes()

    def _block(self) -> int:
        if self.settings.block is not None:
            return self.settings.block
        samples = [_moving(rows) for rows in self.states]
        length, wanted = common_length(samples, [each.episode for each in self.sets])
        if wanted > length:
            self.notes.append(
                f"Rows resemble each other over blocks of {wanted:,}; of the {length:,} rows that were taken instead "
                f"there are {LEAST_BLOCKS} blocks: intervals are too narrow and p-values too low."
            )
        return length

    def _classes(self) -> tuple[tuple[Integers, Integers, Integers], tuple[float, ...]]:
        """Classes of what the expert wants in the reference and in the visited states and of what was done there."""
        wanted, others, done = self.sets[0].expert, self.sets[1].expert, self.sets[1].executed
        targets = self.settings.targets
        if targets is None:
            found = np.unique(np.concatenate([wanted, others]))
            targets = tuple(found.tolist()) if len(found) <= MOST_CLASSES else (-1.0, 0.0, 1.0)
            if len(found) > MOST_CLASSES:
                self.notes.append(
                    f"The expert wants {len(found):,} different targets; actions are compared by their sign."
                )
                wanted, others, done = np.sign(wanted), np.sign(others), np.sign(done)
        values = np.array(targets)
        one, two, three = (np.abs(each[:, None] - values).argmin(axis=1) for each in (wanted, others, done))
        return (one, two, three), targets

    def report(self, names: tuple[str, str]) -> ShiftReport:
        """The whole of it."""
        features = self._features()
        told, thin = self._told()
        change = self._change(told, thin)
        windows, usual = self._windows()
        wrong = (self.classes[1] != self.classes[2]).astype(np.float64)
        rows: list[NoveltyRow] = []
        acted = bool((self.sets[1].actor != EXPERT).any())
        if told is not None and acted:
            parts = by_novelty(told, wrong[thin[1][1]], thin[1][0], level=self.settings.level)
            rows = [NoveltyRow(n, foreign, share, limits.low, limits.high) for n, foreign, share, limits in parts]
        measures = [self._divergence(), self.mean_distance, self._discrepancy()]
        measures += [_auc_row(told)] if told is not None else []
        measures += [_change_row(change)] if change is not None else []
        measures += [self._disagreement(wrong)] if acted else []
        return ShiftReport(
            names[0], names[1], len(self.states[0]), len(self.states[1]), self.block, self.settings.level,
            tuple(measures), features, windows, usual, self._actions(change), tuple(rows), tuple(self.notes),
        )  # fmt: skip

    def _features(self) -> tuple[FeatureRow, ...]:
        drift, distance = self.estimates.drift(*self.ones)[0], self.estimates.distance(*self.ones)[0]
        index = self.estimates.index(*self.ones)[0]
        drifts, distances = self.estimates.drift(*self.draws), self.estimates.distance(*self.draws)
        both, first, second = self.estimates.permuted(self.settings.permutations, self.rng)
        chance = both.distance(first, second)
        rows = []
        for i, name in enumerate(self.sets[0].features.columns):
            moved = interval(float(drift[i]), float(drift[i]), drifts[:, i], self.fewest, self.settings.level)
            apart = self._apart(float(distance[i]), distances[:, i], chance[:, i])
            means = [float(sample[:, i].mean()) for sample in self.states]
            p = _p(float(distance[i]), chance[:, i])
            rows.append(
                FeatureRow(
                    name, means[0], means[1], float(drift[i]), moved.low, moved.high,
                    float(distance[i]), apart.low, apart.high, float(index[i]), p,
                )
            )  # fmt: skip
        self.divergences = both.divergence(first, second)
        self.mean_distance = self._distance(float(_mean(distance)), _mean(distances), _mean(chance))
        return tuple(rows)

    def _above_chance(self, value: float, drawn: Floats, chance: Floats, blocks: int | None = None) -> Interval:
        """Interval of what is never below zero: chance makes it larger by what it is on average without a shift
        (``chance``: permutations); that is taken off, and the spread around it is that of resamples."""
        centre = float(np.median(drawn)) - float(chance[np.isfinite(chance)].mean())
        many = self.fewest if blocks is None else blocks
        return interval(value, centre, drawn, many, self.settings.level, least=0.0)

    def _apart(self, value: float, drawn: Floats, chance: Floats, blocks: int | None = None) -> Interval:
        """The same of a distance, by its square: to that chance adds the same whether there is a shift or not."""
        found = self._above_chance(value**2, drawn**2, chance**2, blocks)
        return Interval(math.sqrt(found.low), math.sqrt(found.high))

    def _distance(self, value: float, drawn: Floats, chance: Floats) -> MeasureRow:
        limits = self._apart(value, drawn, chance)
        says = "how far values have to be moved to turn one sample into the other; root mean square of the features"
        return MeasureRow("Mean distance", value, limits.low, limits.high, _p(value, chance), "sd", says)

    def _divergence(self) -> MeasureRow:
        value = float(self.estimates.divergence(*self.ones)[0])
        limits = self._above_chance(value, self.estimates.divergence(*self.draws), self.divergences)
        says = "how means and covariances differ; blind to anything else"
        return MeasureRow(
            "Gaussian divergence", value, limits.low, limits.high, _p(value, self.divergences), "nats", says
        )

    def _discrepancy(self) -> MeasureRow:
        found = mean_discrepancy(
            *self.states, self.rng, block=self.block, episodes=(self.sets[0].episode, self.sets[1].episode),
            permutations=self.settings.permutations, most=self.settings.most, level=self.settings.level,
        )  # fmt: skip
        if found.rows < sum(len(each) for each in self.states):
            self.notes.append(f"The discrepancy looks at {found.rows:,} rows of both samples, evenly from all blocks.")
        says = "any difference of the distributions, at the scale of the usual distance of two states"
        return MeasureRow("Mean discrepancy", found.value, found.interval.low, found.interval.high, found.p, "", says)

    def _told(self) -> tuple[Told | None, tuple[tuple[Blocks, Integers], ...]]:
        """The classifier, and of each sample the blocks and places of the rows that it looked at."""
        thin = []
        for blocks in self.blocks:
            places = blocks.evenly(self.settings.most_told)
            labels = blocks.labels[places]
            thin.append((Blocks(np.flatnonzero(np.diff(labels, prepend=-1)), len(places)), places))
        if min(blocks.count for blocks, _ in thin) < 2 * self.settings.folds:
            self.notes.append(f"Fewer than {2 * self.settings.folds} blocks in a sample: no classifier was fitted.")
            return None, tuple(thin)
        rows = [states[places] for states, (_, places) in zip(self.states, thin, strict=True)]
        if sum(map(len, rows)) < sum(map(len, self.states)):
            self.notes.append(f"The classifier looks at {sum(map(len, rows)):,} rows of both, evenly from all blocks.")
        told = classify(
            rows[0], rows[1], (thin[0][0], thin[1][0]), self.rng, folds=self.settings.folds,
            resamples=self.settings.resamples, level=self.settings.level,
        )  # fmt: skip
        return told, tuple(thin)

    def _change(self, told: Told | None, thin: tuple[tuple[Blocks, Integers], ...]) -> Change | None:
        if told is None:
            return None
        wanted = np.concatenate([self.classes[0][thin[0][1]], self.classes[1][thin[1][1]]])
        found = change_of_actions(
            told, wanted, len(self.actions), (thin[0][0], thin[1][0]), self.rng, resamples=self.settings.resamples,
            level=self.settings.level,
        )  # fmt: skip
        if math.isnan(found.total):
            self.notes.append(
                "The two samples hardly have states in common: no actions can be compared at like states."
            )
        return found

    def _actions(self, change: Change | None) -> tuple[ActionRow, ...]:
        count = len(self.actions)
        shares = [np.bincount(each, minlength=count) / len(each) for each in self.classes[:2]]
        rows = []
        for i, target in enumerate(self.actions):
            known = (math.nan,) * 3
            if change is not None:
                known = (float(change.changes[i]), change.intervals[i].low, change.intervals[i].high)
            rows.append(ActionRow(f"{target:g}", float(shares[0][i]), float(shares[1][i]), *known))
        return tuple(rows)

    def _disagreement(self, wrong: Floats) -> MeasureRow:
        told = bool(0.0 < wrong.mean() < 1.0)  # where it never happened, states tell how rows hang together
        block = self.settings.block if told else self.block
        limits = share_interval(wrong, self.sets[1].episode, level=self.settings.level, block=block)
        says = "share of the visited states at which what was done is not what the expert wanted"
        return MeasureRow("Disagreement", float(wrong.mean()), limits.low, limits.high, says=says)

    def _windows(self) -> tuple[tuple[WindowRow, ...], float]:
        """Windows of the visited states by time, and what is usual of as many blocks of the reference."""
        times, blocks = self.sets[1].times, self.blocks[1]
        order = np.argsort(times[blocks.starts + blocks.lengths // 2], kind="stable")
        many = min(self.settings.windows, blocks.count // BLOCKS_A_WINDOW)
        if many < 2:
            return (), math.nan
        wrong = self.classes[1] != self.classes[2]
        chance = self._within(blocks.count // many)
        rows = []
        for chosen in np.array_split(order, many):
            there = np.isin(blocks.labels, chosen)
            weights = np.zeros((1, blocks.count))
            weights[0, chosen] = 1.0
            value = float(_mean(self.estimates.distance(self.ones[0], weights))[0])
            drawn = np.zeros((self.settings.resamples, blocks.count))
            drawn[:, chosen] = drawn_counts(len(chosen), len(drawn), self.rng)
            found = _mean(self.estimates.distance(self.draws[0], drawn))
            limits = self._apart(value, found, chance, max(len(chosen), LEAST_BLOCKS))
            start, end = int(times[there].min()), int(times[there].max())
            rows.append(
                WindowRow(start, end, int(there.sum()), value, limits.low, limits.high, float(wrong[there].mean()))
            )
        return tuple(rows), float(np.quantile(chance, 0.95))

    def _within(self, length: int) -> Floats:
        """Mean distances of so many blocks of the reference, drawn by chance, from all others of it."""
        count = self.blocks[0].count
        length = min(length, count // 2)
        inside = np.zeros((self.settings.permutations, count))
        inside[:, :length] = 1.0
        inside = self.rng.permuted(inside, axis=1)
        alone = Estimates(self.estimates.reference, self.estimates.reference, self.estimates.gaps)
        return _mean(alone.distance(1.0 - inside, inside))


def _moving(rows: Floats) -> Floats:
    """The columns that do not stand still; a row of zeros where all do."""
    moving = rows[:, rows.std(axis=0) > 0.0]
    return moving if moving.shape[1] else np.zeros((len(rows), 1))


def _mean(distances: Floats) -> Floats:
    """Root mean square over the features (the last axis)."""
    found: Floats = np.sqrt((distances**2).mean(axis=-1))
    return found


def _p(value: float, chance: Floats) -> float:
    """Share of permutations at least as large, the data counted as one of them."""
    return float((1 + (chance >= value * (1.0 - 1e-12)).sum()) / (1 + len(chance)))


def _auc_row(told: Told) -> MeasureRow:
    says = "how well a classifier tells the samples apart on rows it has not seen; 0.5 and below: it cannot"
    return MeasureRow("Classifier", told.auc, told.interval.low, told.interval.high, unit="AUC", says=says)


def _change_row(change: Change) -> MeasureRow:
    says = "how much the probabilities of the expert's actions differ at like states (total variation)"
    return MeasureRow("Change of actions", change.total, p=change.p, says=says)
