"""The tables of `benchmarks.hftbacktest` for people."""

from __future__ import annotations

from typing import Any

from benchmarks import machine

__all__ = ["markdown"]


def markdown(about: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Lines of results/hftbacktest.md."""
    lines = [
        "# halfspread and hftbacktest on one recorded book",
        "",
        f"{found['market']}; hftbacktest {found['version']}. Local times + {found['shift_ms']:g} ms in both; 20 ms "
        "each way; fees 0.02 % maker, 0.05 % taker; PnL in USDT, what is held at the end at the last mid.",
        "",
        machine.in_words(about),
        "",
        "## Taker, 0.001 BTC each 5 s",
        "",
    ]
    lines += _taker(found["taker_small"])
    lines += ["", "Orders that pay another price at the next book than in the one in force:", ""]
    lines += [
        "| order | side | arrives (s) | next book after | in force | at the next book |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {o['order']} | {o['side']} | {o['arrives']:.3f} | {o['waits_ms']:g} ms | {o['in_force']} | {o['next']} |"
        for o in found["taker_small_waits"]
    ]
    lines += ["", "## Taker, 20 BTC each 5 s", "", *_taker(found["taker_large"])]
    for name, steps in found["makers"].items():
        lines += ["", f"## {name[0].upper()}{name[1:]}", "", *_maker(steps)]
    return [*lines, "", *_speed(found)]


def _taker(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| engine | orders | filled in full | contracts | mean buy | mean sell | fees | PnL |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        own = f" (its account says {row['account']:,.2f})" if "account" in row else ""
        lines.append(
            f"| {row['what']} | {row['orders']} | {row['whole']} | {row['contracts']:,.3f} | {row['buy_price']:,.3f} | "
            f"{row['sell_price']:,.3f} | {row['fees']:,.4f} | {row['pnl']:,.4f}{own} |"
        )
    return lines


def _maker(steps: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| engine | orders filled | contracts | PnL | orders changed | change of PnL |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in steps:
        own = f" (its account says {row['account']:,.4f})" if "account" in row else ""
        changed = f"{row['size'] + row['time']} | {row['changed']:+,.4f}" if row is not steps[0] else "|"
        lines.append(f"| {row['step']} | {row['fills']} | {row['contracts']:g} | {row['pnl']:,.4f}{own} | {changed} |")
    lines.append("")
    for row in steps[1:]:
        lines += [
            f"- {row['step']}: {count} {'order' if count == 1 else 'orders'}: {reason}."
            for reason, count in row["reasons"].items()
        ]
    if len(steps) < 5:
        lines.append("- PartialFillExchange: stops with status 14 (issues 301 and 312 of hftbacktest), no result.")
    few = [(row, order) for row in steps[1:3] if len(row["orders"]) <= 12 for order in row["orders"]]
    if few:
        lines += [
            "",
            "| to | order | side | price | contracts, before | s | contracts, after | s |",
            "|---|---:|---|---:|---:|---:|---:|---:|",
        ]
    for row, order in few:
        times = " | ".join(f"{size:g} | {'' if at is None else at}" for size, at in order["filled"])
        lines.append(f"| {row['step']} | {order['order']} | {order['side']} | {order['price']} | {times} |")
    return lines


def _speed(found: dict[str, Any]) -> list[str]:
    ours, theirs = found["speed"]["ours"], found["speed"]["theirs"]
    best = min(ours["seconds"]), min(theirs["seconds"])
    return [
        "## Speed",
        "",
        f"Small maker each second, processor time, least of {len(ours['seconds'])}, from data in memory: halfspread "
        f"{best[0]:.4f} s ({ours['events'] / best[0] / 1e6:.2f} M events/s: {ours['events']:,} books of 25 levels and "
        f"trades; the agent in Python; the books were built in {ours['prepare_seconds']:.2f} s); hftbacktest "
        f"{best[1]:.4f} s ({theirs['events'] / best[1] / 1e6:.2f} M events/s: {theirs['events']:,} levels and "
        f"trades; the agent compiled; the file was converted in {theirs['prepare_seconds']:.2f} s).",
    ]
