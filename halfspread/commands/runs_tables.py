"""What ``halfspread runs`` shows on a terminal, from 80 columns up.

The numbers of `halfspread.reports.formats` are not used, because they bring pandas, which takes longer to load than a
thousand runs to list.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from halfspread.commands.registry import COMPLETE, RunRecord
from halfspread.commands.terminal import Harmless

if TYPE_CHECKING:
    from halfspread.commands.runs_clean import Cleaning
    from halfspread.commands.runs_compare import Comparison

__all__ = ["agents_table", "fact_table", "list_table", "show", "show_cleaning", "show_comparison"]

MINUS, MISSING = "\N{MINUS SIGN}", "\N{EN DASH}"
#: From so many columns on a run takes one line.
WIDE = 132
_FIGURES = {"net %": "total_return", "IR": "information_ratio", "max dd %": "max_drawdown", "turnover": "turnover"}
#: Metrics that a comparison of runs shows, the most telling first.
_COMPARED = (
    "total_return",
    "benchmark",
    "information_ratio",
    "information_ratio_error",
    "max_drawdown",
    "equity_return",
    "price_return",
    "half_spread_return",
    "fee_return",
    "impact_return",
    "funding_return",
    "liquidation_return",
    "turnover",
    "cost_per_turnover",
    "exposure",
    "fills",
    "maker_share",
    "orders",
    "liquidations",
    "round_trips",
    "hit_ratio",
    "days",
)


def console() -> Console:
    """Standard output, as wide as the terminal or COLUMNS, else 100 columns."""
    free = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if free else 100, highlight=False)


def show(table: Table | None, *lines: str) -> None:
    """A table, and lines below it."""
    screen = console()
    if table is not None:
        screen.print(Harmless(table))
    for line in lines:
        screen.print(Harmless(Text(line)))


def _grid(*columns: str, words: Sequence[str] = (), header: bool = True, gap: int = 2) -> Table:
    grid = Table(box=None, show_header=header, header_style="dim", pad_edge=False, padding=(0, gap, 0, 0))
    for name in columns:
        grid.add_column(
            name,
            justify="left" if name in words else "right",
            overflow="fold",
            no_wrap=name not in words or name == "run",
        )
    return grid


def list_table(runs: Sequence[RunRecord]) -> Table:
    """One line for each run where there is room, else two; what is not complete says so below its name."""
    wide = console().width >= WIDE
    best = [run.agents[0] if run.agents else {} for run in runs]
    lines = [[_figure(column, each.get(column)) for column in _FIGURES.values()] for each in best]
    if wide:
        told = [[_span(each), size(run.size)] for run, each in zip(runs, best, strict=True)]
        heads = [*_FIGURES, "market", "size"]
        head, figures = _joined(heads, [[*line, *more] for line, more in zip(lines, told, strict=True)])
        grid = _grid("run", "kind", "agent", head, words=("run", "kind", "agent"))
        for run, line in zip(runs, figures, strict=True):
            named = Text(run.label).append(_state(run), style="yellow")
            grid.add_row(named, run.kind, Text(_agent(run)), line)
        return grid
    head, figures = _joined(["net %", "IR", "dd %", "turnover"], lines)
    grid = _grid("run", "agent", "market", head, words=("run", "agent", "market"), gap=1)
    for run, each, line in zip(runs, best, figures, strict=True):
        named = Text(run.name).append(f"\n{run.id}", style="dim").append(_state(run), style="yellow")
        agent = Text(_agent(run)).append(f"\n{run.kind}, {size(run.size)}", style="dim")
        grid.add_row(named, agent, Text(_span(each).replace(" to ", "\n"), style="dim"), line)
    return grid


def _joined(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, list[str]]:
    """Columns of short texts as one: rich takes as long for a cell of two letters as for a long one."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    head, *lines = [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in [heads, *rows]
    ]
    return head, lines


def _agent(run: RunRecord) -> str:
    if not run.agents:
        return MISSING
    more = f" +{len(run.agents) - 1}" if len(run.agents) > 1 else ""
    return f"{run.agents[0]['name']}{more}{_against(run.agents[0])}"


def _against(entry: Mapping[str, Any]) -> str:
    """What an information ratio is measured against, where that is not zero."""
    name = entry.get("benchmark") or "zero"
    return "" if name == "zero" else f" (IR against {name})"


def _state(run: RunRecord) -> str:
    return "" if run.state == COMPLETE else f"\n{run.state}"


def agents_table(agents: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    """The headline of each agent."""
    grid = _grid("agent", *_FIGURES, "± se", "fills", words=("agent",))
    for name, entry in agents:
        figures = [_figure(column, entry.get(column)) for column in _FIGURES.values()]
        error, fills = (_figure(key, entry.get(key)) for key in ("information_ratio_error", "fills"))
        grid.add_row(Text(f"{name}{_against(entry)}"), *figures, error, fills)
    return grid


def fact_table(run: RunRecord, altered: Mapping[str, str]) -> Table:
    """What a manifest says, and which files are not as it says."""
    grid = _grid("", "what", words=("", "what"), header=False)
    for name, text in _facts(run):
        grid.add_row(Text(name, style="dim"), Text(text))
    files = run.manifest["files"]
    whole = f"{len(files)} files, {size(run.size)}, all as they were written"
    told = "; ".join(f"{name} is {what}" for name, what in altered.items())
    grid.add_row(Text("state", style="dim"), Text(told, style="red") if told else Text(whole))
    grid.add_row("", "")
    return grid


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    first = run.entries[0]
    at = f" at commit {first['commit'][:8]}" if first.get("commit") else ""
    seconds = sum(run.manifest.get("seconds", {}).values())
    lines = [
        ("run", f"{run.label}, {run.kind}"),
        ("made", f"{run.created:%Y-%m-%d %H:%M} UTC, in {seconds:.1f} s"),
        ("folder", str(run.path)),
    ]
    for entry in run.entries:
        settings = "".join(f" --set {each}" for each in entry["overrides"])
        lines.append(("config", f"{entry['config_file']}{settings}, seed {entry['seed']}"))
        for instrument, tables in entry["data"]["tables"].items():
            rows = ", ".join(f"{table['rows']:,} {kind}" for kind, table in tables.items())
            lines.append(("data", f"{instrument}: {rows}"))
        lines += [("plug-in", f"{label}: {', '.join(each['files'])}") for label, each in entry["plugins"].items()]
    texts: dict[str, list[str]] = {}
    for label, audit in (run.manifest.get("audits") or {}).items():
        texts.setdefault(audit["text"] if audit else "not looked at", []).append(label)
    lines += [("look-ahead", f"{', '.join(labels)}: {text}") for text, labels in texts.items()]
    lines.append(("span", _span(run.agents[0] if run.agents else {})))
    lines.append(("code", f"halfspread {first['halfspread']}{at}, sources {first['sources']}"))
    packages = ", ".join(f"{name} {version}" for name, version in first["packages"].items())
    lines.append(("machine", f"{first['cpu']}, {first['platform']}, Python {first['python']}, {packages}"))
    return lines


def show_comparison(found: Comparison) -> None:
    """Metrics, then what differs in configs, assumptions, data and code; columns in as many tables as it takes."""
    columns = found.columns
    numbers = [f"[{i}]" for i in range(1, len(columns) + 1)]
    show(None, *(f"{number} {column.label}" for number, column in zip(numbers, columns, strict=True)), "")
    rows = {}
    for name in _COMPARED:
        values = [column.metrics.get(name) for column in columns]
        if any(values):
            rows[name] = [_figure(name, value) for value in values]
    _print_columns("metric", numbers, rows)
    for part in ("config", "basis"):
        differing = {key: [_cell(value) for value in row] for key, row in found.differing(part).items()}
        if differing:
            _print_columns("config differs" if part == "config" else "data, code, machine differ", numbers, differing)
        else:
            show(None, "the configs are the same" if part == "config" else "data, code and machine are the same", "")
    _show_assumptions(found, numbers)


def _show_assumptions(found: Comparison, numbers: Sequence[str]) -> None:
    differing = found.differing("assumptions")
    if not differing:
        show(None, "the assumptions are the same")
        return
    grid = _grid("", "assumptions differ", words=("", "assumptions differ"))
    for topic, texts in differing.items():
        grid.add_row("", Text(topic, style="bold"))
        for text in dict.fromkeys(texts):
            whose = " ".join(number for number, each in zip(numbers, texts, strict=True) if each == text)
            grid.add_row(whose, Text(text or MISSING))
    show(grid)


def _print_columns(title: str, numbers: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Rows by name in tables that fit the screen."""
    first = max(len(name) for name in [title, *rows])
    widths = [max(len(number), *(min(len(row[i]), 24) for row in rows.values())) for i, number in enumerate(numbers)]
    room, start = console().width, 0
    while start < len(numbers):
        end, used = start, first + 2
        while end < len(numbers) and (end == start or used + widths[end] <= room):
            used += widths[end] + 2
            end += 1
        grid = _grid(title, *numbers[start:end], words=(title,))
        for column in grid.columns[1:]:
            column.no_wrap, column.max_width = False, 24
        for name, row in rows.items():
            grid.add_row(Text(name), *(Text(value) for value in row[start:end]))
        show(grid, "")
        start = end


def show_cleaning(found: Cleaning) -> None:
    """Which runs are deleted, or would be, and why."""
    grid = _grid("run", "size", "why", words=("run", "why"))
    for run, reason in found.chosen:
        grid.add_row(Text(run.label), size(run.size), Text(reason))
    for run, reason in found.kept:
        grid.add_row(Text(run.label), "kept", Text(reason, style="yellow"))
    if found.chosen or found.kept:
        show(grid, "")
    many = len(found.chosen)
    what = f"{many} run{'' if many == 1 else 's'}, {size(found.size)}"
    if not many:
        show(None, f"nothing to delete in {found.root}")
    else:
        show(None, f"deleted {what}" if found.done else f"would delete {what}; add --yes to do it")


def size(count: int) -> str:
    """Bytes in the unit that fits them."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1_000.0 or unit == "GB":
            return f"{amount:,.0f} {unit}" if unit == "B" or amount >= 100.0 else f"{amount:,.1f} {unit}"
        amount /= 1_000.0
    return ""


def _span(entry: Mapping[str, Any]) -> str:
    return f"{entry['start'][:10]} to {entry['end'][:10]}" if entry else MISSING


def _figure(name: str, value: Any) -> str:
    """A metric as people read it: returns, drawdowns and shares in percent, costs in basis points."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return MISSING if value is None else str(value)
    if name == "cost_per_turnover":
        return f"{_number(1e4 * value, 2)} bp"
    if name.endswith(("_return", "drawdown")):
        return _number(100.0 * value, 1 if abs(value) >= 0.001 or not value else 3, sign=not name.endswith("drawdown"))
    if name in ("exposure", "hit_ratio", "maker_share"):
        return f"{_number(100.0 * value, 0)}%"
    if name == "turnover":
        return f"{_number(value, 0 if value >= 1_000 else 2)}x"
    return _number(value, 0 if isinstance(value, int) else 2)


def _number(value: float, digits: int, *, sign: bool = False) -> str:
    text = f"{abs(value):,.{digits}f}"
    if not any(each in "123456789" for each in text):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def _cell(value: Any) -> str:
    return MISSING if value is None else str(value)
