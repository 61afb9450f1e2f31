"""Sections of the comparison on how sure it is: intervals, differences, tests over all agents, and audits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from halfspread.reports import formats
from halfspread.reports.certainty import LEVEL, limits, shortage
from halfspread.reports.html_tables import definitions, range_cell, row, table
from halfspread.reports.measured import looks_ahead
from halfspread.reports.names import against_all
from halfspread.reports.proof_section import FORESEES, Proof
from halfspread.reports.svg import element, text
from halfspread.reports.versus import Contest, Difference, Versus
from halfspread.reports.view import View, section

__all__ = ["audits", "certainty", "contest_sentence"]


def certainty(views: Sequence[View], names: Sequence[str], found: Versus) -> str:
    """Intervals of each agent, differences to the first and to buy-and-hold, and p-values over all agents; without
    intervals a sentence on the days that it takes."""
    if all(view.intervals is None for view in views):
        days = max(len(view.days) for view in views)
        return section("How sure", f"It cannot be said: {shortage(days)}.", anchor="certainty") if days else ""
    to_first = any(found.to_first.values())
    to_hold = bool(found.to_hold) and found.hold != found.first
    beside = bool(found.to_benchmark) and found.benchmark not in (found.first, found.hold)
    ends = [end for view in views if not looks_ahead(view.result) for end in _ends(view)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = 0.02 * (high - low)
    rows = []
    for view, name in zip(views, names, strict=True):
        if looks_ahead(view.result):
            continue
        cells = [_signed(view.metrics["total_return"]), _words(view, "total_return", percent=True)]
        cells += [_words(view, "information_ratio", percent=False)]
        cells += [formats.percent(view.metrics["probabilistic_sharpe"])]
        cells += [_difference(found.to_first.get(name))] if to_first else []
        cells += [_difference(found.to_hold.get(name))] if to_hold else []
        cells += [_difference(found.to_benchmark.get(name))] if beside else []
        rows.append(row(name, *cells, _picture(view, name, low - room, high + room)))
    head = ["Agent", "Net return", f"{LEVEL:.0%} interval", "Information ratio", "True ratio above 0"]
    head += [f"Less {found.first}"] if to_first else []
    head += [f"Less {found.hold}"] if to_hold else []
    head += [f"Less {found.benchmark}"] if beside else []
    content = [table([*head, ""], rows, kind="certainty")]
    if found.contests:
        content.append(element("h3", "Is the best of them better, or only the luckiest?"))
        content.append(_tests(found.contests))
    elif found.reason:
        content.append(element("p", text(f"No test over all agents: {found.reason}."), class_="lead after"))
    return section("How sure", _lead(views, names, found, to_first or to_hold or beside), *content, anchor="certainty")


def _ends(view: View) -> list[float]:
    one = limits(view.intervals, "total_return")
    return [float(view.metrics["total_return"]), *((one.low, one.high) if one else ())]


def _signed(value: float) -> str:
    return formats.percent(value, 1, sign=True)


def _words(view: View, name: str, *, percent: bool) -> str:
    one = limits(view.intervals, name)
    if one is None:
        return formats.MISSING
    return " to ".join(_signed(end) if percent else formats.number(end) for end in (one.low, one.high))


def _difference(one: Difference | None) -> str:
    if one is None:
        return ""
    if not math.isfinite(one.low):
        return _signed(one.value)
    return f"{_signed(one.value)} ({_signed(one.low)} to {_signed(one.high)})"


def _picture(view: View, name: str, low: float, high: float) -> str:
    one = limits(view.intervals, "total_return")
    value = float(view.metrics["total_return"])
    ends = (one.low, one.high) if one else (math.nan, math.nan)
    return range_cell(value, ends, low, high, f"{name}: {_signed(value)}")


def _lead(views: Sequence[View], names: Sequence[str], found: Versus, differs: bool) -> str:
    against = against_all(names, [view.metrics for view in views])
    words = (
        f"{LEVEL:.0%} intervals of the stationary block bootstrap, each for one agent by itself, over the whole run; "
        f"the probability is that of the probabilistic Sharpe ratio{against}. They hold where the days to come are "
        "like these."
    )
    if differs:
        words += " Less: the difference of net returns, in % of the notional, with its interval."
    if found.resamples:
        words += (
            f" Differences and tests rest on one set of {found.resamples:,} resamples of {found.days:,} days in blocks "
            f"of {formats.number(found.block, 1)} days on average, drawn from seed {views[0].seed}."
        )
    return words


def _tests(tests: Sequence[Contest]) -> str:
    rows = [
        row(
            _claim(test, "Any"),
            test.best,
            formats.number(test.superior_ability, 3),
            formats.number(test.reality_check, 3),
            words=(1,),
        )
        for test in tests
    ]
    head = ["", "Best in standard errors", "p, superior ability", "p, reality check"]
    note = (
        "p: how often agents without any advantage would show one as large; the number of agents is taken into "
        "account. Small is evidence, below 0.05 by custom. Agents that were tried and left out of this comparison "
        "count too, and are not counted here."
    )
    return table(head, rows, words=(1,)) + element("p", text(note), class_="lead after")


def _claim(test: Contest, any_: str) -> str:
    who = f"{any_} of {test.agents}" if test.agents > 1 else test.best
    return f"{who} beats {test.against or 'doing nothing'}"


def contest_sentence(test: Contest) -> str:
    """A test in a line of text."""
    return (
        f"{_claim(test, 'any')}: p = {test.superior_ability:.3f} (superior "
        f"ability), {test.reality_check:.3f} (reality check)"
    )


def audits(views: Sequence[View], names: Sequence[str], proofs: Mapping[str, Proof]) -> str:
    """What the audit has said of each agent, and the command that audits all of it."""
    said: dict[str, list[str]] = {}
    commands: list[str] = []
    for view, name in zip(views, names, strict=True):
        proof = proofs.get(view.result.name, Proof())
        words = FORESEES if looks_ahead(view.result) else proof.audit or "not audited"
        said.setdefault(words[0].upper() + words[1:], []).append(name)
        commands += [proof.audit_all_command] if proof.audit_all_command else []
    if not proofs:
        return ""
    entries = {", ".join(who): words for words, who in said.items()}
    entries |= {"to audit all of it": "; ".join(dict.fromkeys(commands))} if commands else {}
    verify = next((proof.verify_command for proof in proofs.values() if proof.verify_command), "")
    entries |= {"to repeat it bit for bit": verify} if verify else {}
    tried = next((proof.tried for proof in (proofs.get(view.result.name) for view in views) if proof), "")
    entries |= {"tried before": tried} if tried else {}
    lead = "Whether any decision used what had not been received yet, and how to see that for yourself."
    return section("Audit", lead, definitions(entries), anchor="audit")
