"""What things are called in tables and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from halfspread.reports import formats
from halfspread.reports.protocol import ResultLike

__all__ = [
    "PART_NAMES",
    "ZERO",
    "against",
    "amount_of_data",
    "benchmark_name",
    "distinct",
    "fills_by_matching",
    "on_events",
]

#: What ratios are measured against where no benchmark is named.
ZERO = "zero"

#: The parts of the attribution, in the order in which they are listed and stacked.
PART_NAMES = {
    "price": "Price",
    "half_spread": "Half-spread",
    "fee": "Fees",
    "impact": "Impact",
    "funding": "Funding",
    "liquidation": "Liquidation",
}


def distinct(names: Sequence[str]) -> list[str]:
    """``names``, numbered where one occurs twice."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return found


def benchmark_name(result: ResultLike) -> str:
    """What the ratios of a result are measured against: the name of its benchmark, or `ZERO`."""
    benchmark = getattr(result, "benchmark", None)
    return ZERO if benchmark is None else str(benchmark.name)


def against(metrics: Mapping[str, object]) -> str:
    """What the ratios among ``metrics`` are measured against, where that is not zero, such as ``, against index``."""
    name = metrics.get("benchmark", ZERO)
    return "" if name == ZERO else f", against {name}"


def against_all(names: Sequence[str], metrics: Sequence[Mapping[str, object]]) -> str:
    """The same for several results; where they differ, what each is measured against."""
    each = [str(one.get("benchmark", ZERO)) for one in metrics]
    if len(set(each)) < 2:
        return against(metrics[0]) if metrics else ""
    return ", against " + ", ".join(f"{other} ({name})" for name, other in zip(names, each, strict=True))


def on_events(result: ResultLike) -> bool:
    """Whether the market of the run is quotes, books or trades, not bars alone."""
    return result.fill_convention in ("next_event", "this_event")


def amount_of_data(result: ResultLike) -> str:
    """How much was replayed: bars, or events of the market where there is more than bars."""
    if not on_events(result) and result.bars:
        return formats.plural(result.bars, "bar")
    return formats.plural(result.events, "event") + (f", {formats.plural(result.bars, 'bar')}" if result.bars else "")


def fills_by_matching(result: ResultLike) -> str:
    """How far the fills depend on what was assumed where the data cannot tell; empty where none could."""
    made, missed = (result.counts.get(name, 0) for name in ("fills_by_choice", "orders_missed_by_choice"))
    if not made and not missed and not result.counts.get("orders", 0):
        return ""
    other = "optimistic" if result.matching == "pessimistic" else "pessimistic"
    return (
        f"Matching was {result.matching}: {made:,} of {formats.plural(len(result.fills), 'fill')} would not have been "
        f"made at that moment under the {other} rule, and {formats.plural(missed, 'order')} that ended without a fill "
        "would have had one."
    )
