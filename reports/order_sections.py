"""Sections on orders, on who waited for whom at fills, and on liquidations."""

from __future__ import annotations

import pandas as pd

from halfspread.engine.instrument import labels
from halfspread.reports import formats
from halfspread.reports.html_tables import row, table
from halfspread.reports.names import fills_by_matching
from halfspread.reports.orders import fills_by_role, liquidation_fills, order_table, reasons
from halfspread.reports.svg import element, text
from halfspread.reports.view import View, section

__all__ = ["liquidations", "orders"]

MOST_REASONS = 12
MOST_LIQUIDATIONS = 50

_ROLES = {"maker": "Maker, who waited", "taker": "Taker", "liquidation": "Liquidation"}


def orders(view: View) -> str:
    """What became of the agent's orders, and what fills cost as maker and as taker; nothing for a run that only gave
    targets."""
    result = view.result
    if not result.counts.get("orders", 0):
        return ""
    content = [_by_kind(order_table(result)), *_by_reason(reasons(result)), *_by_role(view)]
    lead = (
        "Every order that the agent sent, by its kind. Filled: the mean over orders of the share of its contracts; "
        "maker: of their fills; time: from sending an order to its last fill, of those that were filled wholly."
    )
    choice = fills_by_matching(result)
    shown = element("p", text(choice), class_="lead after") if choice else ""
    return section("Orders", lead, content[0], shown, *content[1:], anchor="orders")


def _by_kind(kinds: pd.DataFrame) -> str:
    head = [
        "Kind",
        "Orders",
        "Filled wholly",
        "In part",
        "Cancelled",
        "Rejected",
        "Open at end",
        "Share filled",
        "Maker",
    ]
    rows = [
        row(
            str(kind).replace("_", "-"),
            *(formats.count(line[name]) for name in ("orders", "filled", "partly", "cancelled", "rejected", "open")),
            *(formats.percent(line[name]) for name in ("fill_ratio", "maker_share")),
            *(formats.duration(line[name] / 3_600.0) for name in ("mean_seconds", "median_seconds")),
            kind="total" if kind == "all" else None,
        )
        for kind, line in kinds.iterrows()
    ]
    return table([*head, "Mean time", "Median time"], rows)


def _by_reason(why: pd.DataFrame) -> list[str]:
    if not len(why):
        return []
    shown = why[:MOST_REASONS]
    rows = [
        row(
            str(line["reason"]),
            *(formats.count(line[name]) if line[name] else "" for name in ("rejected", "cancelled")),
        )
        for _, line in shown.iterrows()
    ]
    rest = f", the {len(shown)} most frequent reasons" if len(shown) < len(why) else ""
    title = element("h3", text(f"Why orders and requests ended without all of their fills{rest}"))
    return [title, element("div", table(["Reason", "Rejected", "Cancelled"], rows), class_="narrow")]


def _by_role(view: View) -> list[str]:
    roles, result = fills_by_role(view.result), view.result
    if not len(roles):
        return []
    columns = [name for name in ("half_spread", "fee", "impact", "liquidation") if roles[name].any()]
    words = {"half_spread": "Half-spread", "fee": "Fees", "impact": "Impact", "liquidation": "Liquidation"}
    digits = formats.decimals(roles[columns].to_numpy().ravel())
    rows = []
    for role, line in roles.iterrows():
        earned = float(line[columns].sum())
        rows.append(
            row(
                _ROLES[str(role)],
                formats.count(line["fills"]),
                formats.compact(line["value"]),
                *(formats.number(line[name], digits, sign=True) for name in columns),
                formats.number(earned, digits, sign=True),
                formats.number(1e4 * earned / line["value"], sign=True) if line["value"] else formats.MISSING,
            )
        )
    head = ["", "Fills", "Value", *(words[name] for name in columns), "Sum", "bp of value"]
    title = element("h3", text(f"What fills cost (\N{MINUS SIGN}) and earned (+), {result.report_currency}"))
    return [title, table(head, rows)]


def liquidations(view: View) -> str:
    """Each position that the venue closed; nothing where it closed none."""
    result, fills = view.result, liquidation_fills(view.result)
    if not len(fills):
        return ""
    shown, several = fills[:MOST_LIQUIDATIONS], len(labels(result.instruments)) > 1
    digits = formats.decimals(shown["liquidation"])
    whole = bool((shown["contracts"] % 1.0 == 0.0).all())
    ended = view.trips[view.trips["closed"].to_numpy(dtype=bool)].set_index(["instrument", "exit_time"])["pnl"]
    rows = [
        row(
            formats.stamp(fill["time"], seconds=True),
            str(fill["instrument"]),
            formats.number(-fill["contracts"], 0 if whole else 4, sign=True),
            formats.price(fill["price"]),
            formats.price(fill["reference"]),
            formats.compact(fill["value"]),
            formats.number(fill["liquidation"], digits, sign=True),
            formats.number(float(ended.loc[[(fill["instrument"], fill["time"])]].iloc[-1]), digits, sign=True),
            words=(1,),
        )
        for _, fill in shown.iterrows()
    ]
    head = [
        "Time (UTC)",
        "Instrument",
        "Position",
        "Closed at",
        "Reference price",
        "Value",
        "Liquidation",
        "Round trip",
    ]
    lost = formats.number(float(fills["liquidation"].sum()), digits, sign=True)
    lead = (
        f"The venue closed {formats.plural(len(fills), 'position')}{' in all' if several else ''}. Liquidation, "
        f"{lost} {result.report_currency} together, is what lies between the reference price and the price at which "
        "the position was closed, and the fee; above zero where the insurance fund paid. The round trip is what was "
        "made or lost from the first entry on, all costs included."
    )
    if len(shown) < len(fills):
        lead += f" The first {len(shown)} are listed."
    return section("Liquidations", lead, table(head, rows, words=(1,)), anchor="liquidations")
