"""Sentences whose claims follow from the numbers of costs.json: each is made only where the numbers make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cost_study.tables import net, ratio

from halfspread.reports import formats

__all__ = ["assumed", "findings", "left_out", "left_over", "made", "opens", "told", "told_of_luck"]

Entry = Mapping[str, Any]
LEVELS = {"nothing": "nothing charged", "all": "every cost charged"}
#: Not counted among those who try to earn.
NOT_TRYING = ("buy_and_hold", "random_turnover")
_count = formats.count


def findings(study: Entry) -> str:
    """The list at the top."""
    real = [name for name, market in study["markets"].items() if not market["seeds"]]
    lines = [
        *(_earners(study, name) for name in real),
        _fees(study, real),
        _convention(study, real),
        *(_swept(study, name) for name in real),
        *(_luck(study, name) for name in study["markets"] if name not in real),
        _survives(study, real),
        *(_later(study, name) for name in real),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _title(study: Entry, name: str) -> str:
    return str(study["markets"][name]["title"])


def _list(words: Sequence[str]) -> str:
    return "".join(words) if len(words) < 2 else f"{', '.join(words[:-1])} and {words[-1]}"


def _code(names: Sequence[str]) -> str:
    return _list([f"`{name}`" for name in names])


def _earners(study: Entry, name: str) -> str:
    ladder = study["ladder"][name]
    experts = {expert: found["rungs"] for expert, found in ladder.items() if expert not in NOT_TRYING}
    free = [expert for expert, rungs in experts.items() if rungs["nothing"]["total_return"] > 0.0]
    left = [
        _with_interval(expert, rungs["all"]) for expert, rungs in experts.items() if rungs["all"]["total_return"] > 0.0
    ]
    hold = ladder["buy_and_hold"]["rungs"]["all"]
    return (
        f"**{_title(study, name)}.** With nothing charged {len(free)} of {len(experts)} experts earn money; with every "
        f"cost {len(left) or 'none'}{': ' if left else ''}{_list(left)}. Buy and hold makes "
        f"{net(hold['total_return'])} % in the same time, at a ratio of {ratio(hold['information_ratio'])}."
    )


def _with_interval(expert: str, run: Entry) -> str:
    known = run["information_ratio_interval"]
    said = f", 95 % interval {ratio(known[0])} to {ratio(known[1])}" if known else ""
    return f"`{expert}` ({net(run['total_return'])} %, ratio {ratio(run['information_ratio'])}{said})"


def _fees(study: Entry, real: Sequence[str]) -> str:
    shares = {}
    for name in real:
        runs = [found["rungs"]["all"] for found in study["ladder"][name].values()]
        fee, spread = (sum(-run[f"{part}_return"] for run in runs) for part in ("fee", "half_spread"))
        shares[name] = fee / (fee + spread)
    said = _list([f"{formats.percent(share, 1)} on {_title(study, name)}" for name, share in shares.items()])
    how = "most" if min(shares.values()) > 0.5 else "part"
    return f"**Fees** are {how} of what fills cost: {said}. Half of a one-tick spread is the rest."


def _convention(study: Entry, real: Sequence[str]) -> str:
    same = {name: float(study["markets"][name]["opens_at_close_before"]) for name in real}
    said = _list([f"{formats.percent(share, 2)} of the bars of {_title(study, name)}" for name, share in same.items()])
    moved, later = 0.0, {}
    for name in real:
        for expert, found in study["ladder"][name].items():
            free = {fill: runs["nothing"]["total_return"] for fill, runs in found["fills"].items()}
            moved = max(moved, abs(free["next_open"] - free["this_close"]))
            if "next_close" in free:
                later[name, expert] = free["next_close"] - free["next_open"]
    low, high = min(later, key=lambda key: later[key]), max(later, key=lambda key: later[key])
    ends = [f"{net(later[at])} % (`{at[1]}`, {_title(study, at[0])})" for at in (low, high)]
    head = "The next open is this close" if min(same.values()) > 0.99 else "The next open and this close"
    return (
        f"**{head}** in these data: {said} open exactly at the close before. The choice between the two moves no net "
        f"return by more than {formats.number(100.0 * moved, 2)} % of the notional. One bar more, the next close, "
        f"moves it by {ends[0]} to {ends[1]}, with nothing charged."
    )


def _swept(study: Entry, name: str) -> str:
    (run,) = study["sweeps"][name]
    said = []
    for rung, words in LEVELS.items():
        total = run["levels"][rung]["together"]
        alone, tried = total["significant"], total["tried"]
        text = f"With {words}, {_count(alone)} of {_count(tried)} settings ({formats.percent(alone / tried)})"
        end = "are significant"
        if alone:
            own, wide = (_of(total[key], alone) for key in ("survive_deflated", "survive_deflated_all"))
            few = _of(total["survive_effective"], alone)
            end = (
                f"are significant one by one; of these, {few} survive the effective number of settings, {own} "
                f"deflation by their own sweep, {wide} by all sweeps"
            )
        said.append(f"{text} {end}")
    return f"**Sweeps on {_title(study, name)}.** {'. '.join(said)}."


def _some(count: int) -> str:
    return f"{formats.plural(count, 'setting')} {'is' if count == 1 else 'are'}"


def _of(part: int, whole: int) -> str:
    return f"{_count(part)} ({formats.percent(part / whole)})" if part else "none"


def _luck(study: Entry, name: str) -> str:
    runs = [one["levels"]["nothing"]["together"] for one in study["sweeps"][name]]
    shares = [run["significant"] / run["tried"] for run in runs]
    alone, own, wide = (
        sum(run[key] for run in runs) for key in ("significant", "survive_deflated", "survive_deflated_all")
    )
    low, mean, high = (formats.percent(each) for each in (min(shares), sum(shares) / len(shares), max(shares)))
    kept = f"{_of(own, alone)} survive deflation by their own sweep, {_of(wide, alone)} by all sweeps"
    return (
        f"**Pure luck.** On {len(runs)} random walks with nothing charged, {low} to {high} of the same settings are "
        f"significant one by one, {mean} on average" + (f". Of these {_count(alone)}, {kept}." if alone else ".")
    )


def _survives(study: Entry, real: Sequence[str]) -> str:
    """What the test that keeps its level finds at all costs, whether it suits anybody or not."""
    said = []
    for name in real:
        found = _below_5(study["sweeps"][name][0]["levels"]["all"]["sweeps"], study)
        said.append(f"on {_title(study, name)} for {found or 'no sweep'}")
    return (
        "**What is left.** Hansen's test, which keeps its level and sees more than deflation does, rejects at all "
        f"costs that no setting of a sweep beats doing nothing (p below 5 %) {_list(said)}."
    )


def _below_5(sweeps: Entry, study: Entry) -> str:
    searched = {name: each for name, each in sweeps.items() if not study["settings"]["grids"][name]["control"]}
    low = {name: each["superior_ability"] for name, each in searched.items() if each["superior_ability"] < 0.05}
    return _list([f"`{name}` ({ratio(p, 3)})" for name, p in low.items()])


def _later(study: Entry, name: str) -> str:
    total = study["sweeps"][name][0]["levels"]["all"]["together"]
    first, title = total["first_half"], _title(study, name)
    if not first:
        return f"**Later, {title}.** At all costs no setting is significant in the first half of the days."
    earn, again = total["first_half_then_positive"], total["first_half_then_significant"]
    share = formats.percent(earn / first, 0)
    base = formats.percent(total["second_half_positive"] / total["tried"], 0)
    return (
        f"**Later, {title}.** At all costs {_some(first)} significant in the first half of the days. Of "
        f"them {_count(earn)} earn something in the second half ({share}, against {base} of all settings), and "
        f"{_count(again)} are significant there too."
    )


def left_over(study: Entry) -> str:
    """What the rungs miss of all costs together, at most."""
    worst = max(found["does_not_add_up_by"] for ladder in study["ladder"].values() for found in ladder.values())
    return f"{worst:.0e}".replace("e-0", "e-")


def left_out(study: Entry) -> str:
    """Experts that have no place here, and why."""
    reasons: dict[str, list[str]] = {}
    for name, reason in study["settings"]["left_out"].items():
        reasons.setdefault(reason, []).append(name)
    return "; ".join(f"{_code(names)} ({reason})" for reason, names in reasons.items())


def assumed(study: Entry, name: str) -> str:
    """What stands behind the rungs of a market."""
    market = study["markets"][name]
    known = market["assumed"]
    seed = study["sweeps"][name][0]["seed"]
    return " ".join(
        [
            f"{_count(market['bars'])} bars over {_count(market['days'])} days, `{market['config_file']}`.",
            *([f"Seed {seed} of its market; no expert has an edge in it, by construction."] if market["seeds"] else []),
            *([f"{known['span']}."] if known["span"] else []),
            f"Fees: {known['fees']}. Half-spread: {known['spread']}. Funding: {known['funding']}. No impact, no "
            f"latency.",
        ]
    )


def opens(study: Entry) -> str:
    """How many bars of each market open at the close before."""
    shares = [
        f"{formats.percent(market['opens_at_close_before'], 2)} ({market['title']})"
        for market in study["markets"].values()
    ]
    return _list(shares)


def told(study: Entry, name: str, rung: str) -> str:
    """What the numbers of a real market's sweeps say, both ways."""
    level = study["sweeps"][name][0]["levels"][rung]
    total, sweeps = level["together"], level["sweeps"]
    searched = [expert for expert in sweeps if not study["settings"]["grids"][expert]["control"]]
    kept = [f"{sweeps[each]['survive_deflated']} of `{each}`" for each in searched if sweeps[each]["survive_deflated"]]
    low = _below_5(sweeps, study)
    parts = [f"Deflation by their own sweep leaves {_list(kept) if kept else 'none'}."]
    if low:
        parts.append(f"SPA is below 5 % for {low}:")
        parts.append("something in these sweeps beats doing nothing, at this cost and in this span.")
    else:
        parts.append("SPA is below 5 % for none of the sweeps.")
    odd = [each for each in searched if sweeps[each]["survive_effective"] and sweeps[each]["superior_ability"] >= 0.05]
    if odd:
        chances = [f"`{each}` (SPA {ratio(sweeps[each]['superior_ability'])})" for each in odd]
        parts.append(f"The effective number finds survivors where SPA sees none: {_list(chances)}.")
    alone, timing = total["significant"], total["significant_without_drift"]
    if alone:
        parts.append(
            f"Of {formats.plural(alone, 'significant setting')}, {_count(timing)} would be so without the drift."
        )
    idle = total["tried"] - total["traded"]
    return " ".join([*parts, *([f"{formats.plural(idle, 'setting')} never traded."] if idle else [])])


def told_of_luck(study: Entry, name: str) -> str:
    """What the numbers of the random walks say."""
    found = []
    for rung, words in LEVELS.items():
        runs = [one["levels"][rung]["together"] for one in study["sweeps"][name]]
        some, wide = (sum(run[key] > 0 for run in runs) for key in ("significant", "survive_deflated_all"))
        alarms = sum(run["superior_ability"] < 0.05 for run in runs)
        found.append(
            f"With {words}, {some} of {len(runs)} walks have settings that are significant one by one, {alarms} an SPA "
            f"below 5 % over all settings, and {wide} a setting that survives deflation by all sweeps"
        )
    shared = (
        "The settings share the path of their walk: one that happens to trend makes many of them look good at once."
    )
    free = [run["levels"]["nothing"]["together"] for run in study["sweeps"][name]]
    idle = max(run["tried"] - run["traded"] for run in free)
    never = f" {formats.plural(idle, 'setting')} never traded: the rate of funding stands still." if idle else ""
    return f"{shared} {'. '.join(found)}.{never}"


def made(study: Entry) -> str:
    """How many runs, how long, on what."""
    facts = study["made"]
    packages = ", ".join(f"{name} {release}" for name, release in facts["packages"].items())
    minutes = formats.number(facts["seconds"] / 60.0, 1)
    return (
        f"{_count(study['runs'])} backtests, cells of the `halfspread sweep` runner, and their statistics, {minutes} "
        f"minutes with {facts['workers']} workers on {facts['processors']} processors ({facts['cpu']}) at a load of "
        f"{facts['load']:g}; Python {facts['python']}, {packages}; halfspread "
        f"{study['halfspread']}, sources `{study['sources'][:16]}`, configs `{study['config_digest']}`."
    )
