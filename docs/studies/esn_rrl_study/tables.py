"""The tables of the page, Markdown, from what esn_rrl.json holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from esn_rrl_study.paper import MEAN_POSITION, PRICE, TABLE_I, TABLE_II
from imitation_study.markdown import table

from halfspread.reports import formats

__all__ = ["beside_the_paper", "first_days", "rows_table", "table_i", "table_ii"]

Entry = Mapping[str, Any]
STATISTICS = ("mean", "std", "min", "q25", "q50", "q75", "max")
COLUMNS = ("total", "ir", "price", "execution", "carry", "mean_position", "turnover")
HEADS = ("total", "IR", "price", "execution", "carry", "mean position", "turnover", "long / flat / short", "seeds")


def spread(one: Entry, digits: int = 2) -> str:
    """A mean, with its deviation where there are several."""
    text = formats.number(one["mean"], digits)
    return text if one["count"] == 1 else f"{text} ± {formats.number(one['std'], digits)}"


def rows_table(rows: Sequence[Entry], title: str) -> str:
    """A line for each row: means and deviations over its seeds."""
    lines = []
    for row in rows:
        sides = " / ".join(formats.number(row[name]["mean"]) for name in ("long", "flat", "short"))
        cells = [spread(row[name], 0 if name == "turnover" else 2) for name in COLUMNS]
        mark = " †" if row["mark"] else ""
        lines.append([row["title"] + mark, *cells, sides, str(row["seeds"])])
    return table((title, *HEADS), lines)


def beside_the_paper(rows: Sequence[Entry]) -> str:
    """Rows, and the paper's figures below them."""
    paper = [
        "*the paper: Table I (mean of Table II)*",
        f"{formats.number(TABLE_I['pnl']['sum'])} ({formats.number(TABLE_II['total']['mean'])} ± "
        f"{formats.number(TABLE_II['total']['std'])})",
        f"1.46 ({formats.number(TABLE_II['ir']['mean'])} ± {formats.number(TABLE_II['ir']['std'])})",
        formats.number(PRICE),
        formats.number(TABLE_I["execution"]["sum"]),
        f"**{formats.number(TABLE_I['carry']['sum'], sign=True)}**",
        formats.number(MEAN_POSITION),
        "about 1,000",
        "0.46 / 0.49 / 0.05",
        "250",
    ]
    return rows_table(rows, "the gate is looked at") + f"\n| {' | '.join(paper)} |"


def table_i(columns: Mapping[str, Entry]) -> str:
    """Daily rows of one run of each variant, beside the paper's."""
    heads = ("", "", *columns, "the paper")
    names = ("mean", "std", "min", "q25", "q50", "q75", "max", "sum")
    lines = []
    for quantity, paper in TABLE_I.items():
        for name in names:
            if quantity == "position" and name == "sum":
                continue
            cells = [_small(each[quantity][name]) for each in columns.values()]
            lines.append(
                [quantity if name == "mean" else "", name, *cells, _small(paper[name]) if name in paper else ""]
            )
    lines.append(["IR", "", *(formats.number(each["ir"]) for each in columns.values()), "1.46"])
    return table(heads, lines, words=2)


def _small(value: float) -> str:
    return formats.number(value, 3)


def table_ii(columns: Mapping[str, Entry]) -> str:
    """Distributions over draws of the reservoir, beside the paper's."""
    statistics = (*STATISTICS, "se", "low", "high")
    titles = {"se": "standard error", "low": "lower bound", "high": "upper bound", "std": "deviation", "q50": "median"}
    lines = []
    for quantity, title in (("ir", "IR"), ("total", "total return")):
        for name in statistics:
            cells = [formats.number(row[quantity][name], 3) for row in columns.values()]
            first = title if name == "mean" else ""
            lines.append([first, titles.get(name, name), *cells, formats.number(TABLE_II[quantity][name], 3)])
    return table(("", "", *columns, "the paper"), lines, words=2)


def first_days(rows: Entry) -> str:
    """Mean and range of totals over seeds, by the day of the first decision."""
    series: dict[str, Callable[[int], str]] = {
        "features and bias": "start_{}".format,
        "bias only": "start_bias_{}".format,
    }
    days = sorted(int(key.removeprefix("start_")) for key in rows if key.removeprefix("start_").isdigit())
    lines = []
    for day in days:
        cells = []
        for key in series.values():
            one = rows[key(day)]["total"]
            cells += [spread(one), f"{formats.number(one['min'])} to {formats.number(one['max'])}"]
        lines.append([f"2017-02-{day + 1:02}", *cells])
    return table(("first day", "features and bias", "range", "bias only", "range"), lines)
