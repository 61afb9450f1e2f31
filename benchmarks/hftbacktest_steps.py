"""From our default to hftbacktest's, one change at a time: what each does to the orders and to the PnL, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks.hftbacktest_cases import LEVELS, MORE_LEVELS, account, cases, trade
from benchmarks.order_fates import TICK, Fates, Market, cause, differing, fates_of, fates_of_rows
from halfspread.engine.times import SECOND

__all__ = ["maker_steps", "taker_steps"]


def step(name: str, one: Fates, other: Fates, mid: float, reasons: Counter[str], orders: list[Any]) -> dict[str, Any]:
    """What one change does: orders filled otherwise, and to the PnL."""
    found = differing(one, other)
    return {
        "step": name,
        "fills": int((other.filled > 0).sum()),
        "contracts": round(float(other.filled.sum()), 3),
        "pnl": round(float(other.gains(mid).sum()), 6),
        "changed": round(float((other.gains(mid) - one.gains(mid)).sum()), 6) + 0.0,
        "size": len(found["size"]),
        "time": len(found["time"]),
        "reasons": dict(reasons),
        "orders": orders,
    }


def tell(one: Fates, other: Fates, reason: Any, start: int) -> tuple[Counter[str], list[Any]]:
    """Every order that differs, with its reason. Raises SystemExit where there is none."""
    reasons: Counter[str] = Counter()
    orders = []
    for kind, numbers in differing(one, other).items():
        for number in numbers.tolist():
            said = reason(number)
            if not said:
                raise SystemExit(f"order {number} differs in {kind}, and no cause is known: {one}, {other}")
            reasons[said] += 1
            seen = [[round(float(x.filled[number]), 3), _after(int(x.last[number]), start)] for x in (one, other)]
            side = "buy" if one.side[number] > 0 else "sell"
            price = round(float(one.price[number] * TICK), 1)
            orders.append({"order": number, "side": side, "price": price, "filled": seen, "reason": said})
    return reasons, orders


def _after(time: int, start: int) -> float | None:
    return round((time - start) / SECOND, 3) if time else None


def maker_steps(name: str, tape: hs.Tape, peer: dict[str, Any], market: Market) -> list[dict[str, Any]]:
    """From our default to hftbacktest's, for one maker."""
    terms, found = cases()[name], peer["cases"]
    mid = float(found[name]["account"]["mid"])
    theirs = {
        key: fates_of_rows(found[f"{name}{key}"]["rows"], terms)
        for key in ("", ", partial", ", default queue", ", trades first")
    }
    results = [trade(tape, terms), trade(tape, terms, "this_event")]
    later, now = (fates_of(result) for result in results)
    for result, fates in zip(results, (later, now), strict=True):
        check(f"{name}: sum of orders", float(fates.gains(mid).sum()), result.pnl)
    for key in ("", ", default queue", ", trades first"):
        check(f"{name}{key}: sum of orders", float(theirs[key].gains(mid).sum()), account(found[f"{name}{key}"]))
    if max(map(len, differing(theirs[""], theirs[", trades first"]).values())):
        raise SystemExit(f"{name}: the order of rows with one exchange time makes a difference now: tell of it")

    def joined(number: int) -> str:
        if later.refused[number] != now.refused[number]:
            return "the next book was through the price already: post-only is refused there" * int(
                later.refused[number]
            )
        return "joins the queue one book later"

    start = terms["first"]
    steps = [step("halfspread, its default (next_event)", later, later, mid, Counter(), [])]
    steps.append(step("halfspread, this_event", later, now, mid, *tell(later, now, joined, start)))
    whole = found[f"{name}, partial"]["status"] != 14
    before = now
    if whole:
        after = theirs[", partial"]
        said = tell(now, after, lambda number: cause(market, number, now, after), start)
        steps.append(step("hftbacktest, PartialFillExchange, RiskAdverseQueueModel", now, after, mid, *said))
        steps[-1]["account"] = round(account(found[f"{name}, partial"]), 6)
        check(f"{name}: their account", steps[-1]["account"], last_fills(found[f"{name}, partial"], terms, mid), 1e-5)
        before = after
    after = theirs[""]
    said = tell(before, after, lambda number: cause(market, number, now, after) or _of_one_trade(whole), start)
    steps.append(step("hftbacktest, NoPartialFillExchange, RiskAdverseQueueModel", before, after, mid, *said))
    last = theirs[", default queue"]
    said = tell(after, last, lambda _: "the queue ahead also falls when its level shrinks, by a guess", start)
    steps.append(step("hftbacktest, its default (NoPartialFillExchange, LogProbQueueModel2)", after, last, mid, *said))
    return steps


def _of_one_trade(whole: bool) -> str:
    return "a fill of any part is a fill of the whole order" if whole else ""


def last_fills(found: dict[str, Any], terms: dict[str, Any], mid: float) -> float:
    """PnL of the last fill of every order that was filled in full: what hftbacktest's account counts."""
    status, _, last, _, ticks = np.asarray(found["rows"]).T
    side = 1.0 - 2.0 * (np.arange(len(status)) % 2)
    counted, price = last * (status == 3), ticks * TICK
    return float((side * counted * (mid - price) - terms["fees"][0] * counted * price).sum())


def check(what: str, got: float, expected: float, error: float = 1e-6) -> None:
    """Raises SystemExit where two sums differ."""
    if abs(got - expected) > error:
        raise SystemExit(f"{what}: {got:.9f}, expected {expected:.9f}")


def walk(row: Any, side: float, contracts: float) -> tuple[float, float, float, float]:
    """Taking from a book: contracts, their value, price of the last level (ticks) and contracts taken there."""
    levels = row.reshape(-1, 4)[:, 2:] if side > 0 else row.reshape(-1, 4)[:, :2]
    taken = value = price = part = 0.0
    for at, size in levels:
        if np.isnan(at) or taken >= contracts - 1e-9:
            break
        part = min(size, contracts - taken)
        taken, value, price = taken + part, value + part * at, round(at / TICK)
    return taken, value, price, part


def taker_steps(peer: dict[str, Any], tapes: dict[int, hs.Tape]) -> tuple[list[Any], list[Any], list[Any]]:
    """The small taker, each of its orders that pays another price, and the large taker."""
    found = peer["cases"]
    small, large = cases()["taker small"], cases()["taker large"]
    mid = float(found["taker small"]["account"]["mid"])
    later, now = (fates_of(trade(tapes[LEVELS], small, fill)) for fill in (None, "this_event"))
    theirs = fates_of_rows(found["taker small"]["rows"], small)
    check("taker small: PnL", float(now.gains(mid).sum()), account(found["taker small"]), 1e-9)
    if (now.last != theirs.last).any() or np.abs(now.value - theirs.value).max() > 1e-9:
        raise SystemExit("taker small: fills in force differ from hftbacktest's")
    rows = [("halfspread, its default (next_event)", later), ("halfspread, this_event", now), ("hftbacktest", theirs)]
    steps = [taker_line(name, fates, mid) for name, fates in rows]
    waited = [
        {
            "order": i,
            "side": "buy" if now.side[i] > 0 else "sell",
            "arrives": _after(int(now.last[i]), small["first"]),
            "waits_ms": (int(later.last[i]) - int(now.last[i])) / 1e6,
            "in_force": round(float(now.value[i] / now.filled[i]), 1),
            "next": round(float(later.value[i] / later.filled[i]), 1),
        }
        for i in np.flatnonzero(np.abs(later.value - now.value) > 1e-9).tolist()
    ]
    return steps, waited, large_taker(found, large, tapes, mid)


def large_taker(found: Any, terms: Any, tapes: dict[int, hs.Tape], mid: float) -> list[Any]:
    """From our default to theirs."""
    runs = {
        "halfspread, its default (next_event, 25 levels)": trade(tapes[LEVELS], terms),
        "halfspread, this_event, 25 levels": trade(tapes[LEVELS], terms, "this_event"),
        f"halfspread, this_event, {MORE_LEVELS} levels": trade(tapes[MORE_LEVELS], terms, "this_event"),
    }
    lines = [taker_line(name, fates_of(result), mid) for name, result in runs.items()]
    all_levels = fates_of(list(runs.values())[-1])
    depth: Any = tapes[MORE_LEVELS].feeds[0].depth
    partial = np.asarray(found["taker large, partial"]["rows"])
    if (partial[:, 0] != 3).any():
        raise SystemExit("taker large: hftbacktest does not fill all of every order")
    for i in range(len(all_levels)):
        at = int(np.searchsorted(depth.times, all_levels.last[i], side="right")) - 1
        taken, value, price, part = walk(depth.rows[at], float(all_levels.side[i]), terms["contracts"])
        check(f"taker large {i}: contracts", float(all_levels.filled[i]), taken, 1e-9)
        check(f"taker large {i}: value", float(all_levels.value[i]), value, 1e-6)
        check(f"taker large {i}: their last price", partial[i, 4], price)
        check(f"taker large {i}: their last fill", partial[i, 2], part)
    name = (
        "hftbacktest, PartialFillExchange: by contracts, last price and last size of each order, all it shows, the same"
    )
    lines.append({**lines[-1], "what": name, "account": round(account(found["taker large, partial"]), 2)})
    best = fates_of_rows(found["taker large"]["rows"], terms)
    check("taker large: PnL", float(best.gains(mid).sum()), account(found["taker large"]))
    return [*lines, taker_line("hftbacktest, its default (NoPartialFillExchange)", best, mid)]


def taker_line(name: str, fates: Fates, mid: float) -> dict[str, Any]:
    """Orders filled in full, contracts, mean price of buys and sells, fees, PnL."""
    prices = {
        f"{word}_price": float(fates.value[fates.side == sign].sum() / fates.filled[fates.side == sign].sum())
        for word, sign in (("buy", 1.0), ("sell", -1.0))
    }
    whole = int((fates.filled > fates.filled.max() - 5e-4).sum())
    sums = {"contracts": fates.filled.sum(), "fees": fates.fees.sum(), "pnl": fates.gains(mid).sum()}
    counted = {"orders": len(fates), "whole": whole}
    return {"what": name, **counted, **prices, **{key: round(float(value), 6) for key, value in sums.items()}}
