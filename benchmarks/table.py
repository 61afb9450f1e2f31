"""The table of the common job: medians, ratios and whether the goals of the design are met."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks import machine
from benchmarks.common_job import BARS

#: Modes of peers that are compared with a compiled strategy; all others with one Python call a bar.
VECTORISED = ("vectorbt", "lrvx Engine.run")
#: The fastest peer's modes that do the whole job: to the total profit, and to the equity curve that halfspread keeps.
FASTEST_PEER = {
    "rust from_signals, from closes": "to the profit",
    "rust from_signals, from closes, with curve": "to the equity curve",
}
GOAL_COMPILED, GOAL_RATIO, GOAL_PYTHON = 15e6, 1.2, 1.5e6


def summary(
    lines: dict[tuple[str, str], dict[str, Any]],
    missing: dict[str, str],
    about: dict[str, Any],
    rounds: int,
    repeat: int,
) -> dict[str, Any]:
    """All that is written to the JSON file."""
    rows = []
    for line in lines.values():
        seconds = sorted(line["seconds"])
        typical = median(seconds)
        rows.append({**line, "median_s": typical, "best_s": seconds[0], "bars_per_s": round(BARS / typical)})
    return {
        "job": f"{BARS:,} bars, moving averages 20 and 100, plus or minus one unit, 5 bp fee",
        "machine": about,
        "rounds": rounds,
        "repeat": repeat,
        "measurements": rows,
        "ratios": _ratios(rows),
        "goals": _goals(rows),
        "not_measured": missing,
    }


def _ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times as long each peer takes as halfspread, from a ready tape and from plain arrays."""
    ours = {row["mode"]: row for row in rows if row["engine"] == "halfspread"}
    found = []
    for row in rows:
        if row["engine"] == "halfspread":
            continue
        label = f"{row['engine']} {row['mode']}"
        kind = "compiled" if label.startswith((*VECTORISED, "floor numba")) else "Python call a bar"
        for start in ("from tape", "from arrays"):
            mine = ours.get(f"{kind}, {start}")
            if mine:
                by_median, by_best = row["median_s"] / mine["median_s"], row["best_s"] / mine["best_s"]
                found.append({"peer": label, "ours": mine["mode"], "by_median": by_median, "by_best": by_best})
    return found


def _goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the design asks of this job, and what was reached (by medians)."""
    at = {(row["engine"], row["mode"]): row for row in rows}
    goals = []

    def goal(what: str, wanted: float, got: float | None) -> None:
        goals.append({"what": what, "wanted": wanted, "got": got, "reached": None if got is None else got >= wanted})

    def rate(mode: str) -> float | None:
        row = at.get(("halfspread", mode))
        return row["bars_per_s"] / 1e6 if row else None

    goal("compiled strategy, million bars/s", GOAL_COMPILED / 1e6, rate("compiled, from tape"))
    goal("one Python call a bar, million bars/s", GOAL_PYTHON / 1e6, rate("Python call a bar, from tape"))
    for peer_mode, label in FASTEST_PEER.items():
        peer = at.get(("vectorbt", peer_mode))
        for start in ("from tape", "from arrays"):
            mine = at.get(("halfspread", f"compiled, {start}"))
            got = peer["median_s"] / mine["median_s"] if peer and mine else None
            goal(f"times as fast as vectorbt Rust {label}, {start}", GOAL_RATIO, got)
    return goals


def markdown(data: dict[str, Any]) -> list[str]:
    """The table for people."""
    lines = [
        "# The common job",
        "",
        f"{data['job']}. Every engine's PnL and fills were checked on every run.",
        "",
        machine.in_words(data["machine"]),
        "",
        f"{data['rounds']} rounds in turns, {data['repeat']} clocked runs a round after one unclocked, each in a fresh"
        " process. The ratios say how many times as long a peer takes as halfspread (median, best in brackets).",
        "",
        "| engine | mode | version | median ms | best ms | M bars/s | PnL | peak MB | to our tape | to our arrays |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_row(row, data["ratios"]) for row in data["measurements"]]
    lines += ["", "| goal | wanted | got | reached |", "|---|---:|---:|---|"]
    for goal in data["goals"]:
        got = "not measured" if goal["got"] is None else f"{goal['got']:.2f}"
        reached = {True: "yes", False: "no", None: "-"}[goal["reached"]]
        lines.append(f"| {goal['what']} | {goal['wanted']:g} | {got} | {reached} |")
    if data["not_measured"]:
        lines += ["", *(f"Not measured: {name} ({reason})." for name, reason in data["not_measured"].items())]
    lines += ["", "What each time includes:", ""]
    lines += [f"- {row['engine']}, {row['mode']}: {row['includes']}" for row in data["measurements"]]
    return lines


def _row(row: dict[str, Any], ratios: list[dict[str, Any]]) -> str:
    label = f"{row['engine']} {row['mode']}"
    mine = [f"{r['by_median']:.2f} ({r['by_best']:.2f})" for r in ratios if r["peer"] == label] or ["", ""]
    times = f"{row['median_s'] * 1e3:.1f} | {row['best_s'] * 1e3:.1f} | {row['bars_per_s'] / 1e6:.2f}"
    rest = f"{row['pnl']:,.2f} | {row['peak_rss_mb']} | {mine[0]} | {mine[-1]}"
    return f"| {row['engine']} | {row['mode']} | {row['version']} | {times} | {rest} |"
