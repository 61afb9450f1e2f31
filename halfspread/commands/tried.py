"""How many settings were tried on the same data before: by the sweeps and walk-forwards in a folder of runs.

The same data are those of the same hash: a longer table, or bars of another length, are not found, nor is what was
tried in another folder. So the number is the least there was. It is written into the manifest: what is verified later
does not depend on what lies in the folder then.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.commands.run_files import MANIFEST, VERSION, digest_of, seal_of
from halfspread.commands.tried_settings import Settings, distinct, plugin_hashes, settings_in
from halfspread.reports.result import Result
from halfspread.reports.tried import Tried, deflated_after

__all__ = ["daily_pnl", "find_tried", "identity_of", "tried_entry", "tried_in"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

#: Where the entry of each kind is, and what in it says how many settings ran.
_COUNTS = {"sweep": ("sweep", "tried"), "walk-forward": ("walk_forward", "settings")}
#: The kind of a run stands in the first bytes of its manifest.
_HEAD = 80


def find_tried(root: Path, data: str, own: str = "", settings: Settings | None = None) -> Tried:
    """What earlier runs below ``root`` have tried on data of this hash; the same settings again count once, and those
    of the command that is running now (``own``, its `identity_of`, and the ``settings`` of a sweep) not at all. Folders
    that cannot be read count as none."""
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path in _manifests(root):
        facts = _read(path, data)
        if facts is not None:
            found.setdefault(identity_of(facts), (path.parent, facts))
    found.pop(own, None)
    counts: dict[str, int] = {}
    sweeps: dict[str, Settings] = {}
    for folder, facts in found.values():
        entry, key = _COUNTS[facts["kind"]]
        name = f"{folder.parent.name}/{folder.name}"
        known = settings_in(folder, facts) if facts["kind"] == "sweep" else None
        if known is None:
            counts[name] = int(facts[entry].get(key) or 0)
        else:
            sweeps[name] = known
    counts |= dict(zip(sweeps, distinct([*sweeps.values()], settings), strict=True))
    return Tried(sum(counts.values()), tuple(sorted(name for name, count in counts.items() if count > 0)))


def identity_of(facts: Mapping[str, Any]) -> str:
    """Equal for manifests, and entries of one, that try the same settings of the same config and plug-in."""
    swept = facts.get("sweep", {})
    walked = facts.get("walk_forward", {}).get("options")
    grid = [walked] if walked is not None else [swept.get(name) for name in ("grid", "random", "seed")]
    return digest_of([facts["config"], grid, plugin_hashes(facts["plugins"])])


def _manifests(root: Path) -> Iterator[Path]:
    """Of whole runs; links are not followed."""
    for home in _subfolders(os.fspath(root)):
        for folder in _subfolders(home):
            yield Path(folder, MANIFEST)


def _subfolders(folder: str) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return sorted(
            each.path for each in entries if not each.name.startswith(".") and each.is_dir(follow_symlinks=False)
        )
    return []


def _read(path: Path, data: str) -> dict[str, Any] | None:
    """The manifest of a sweep or walk-forward on these data, as it was written; None for any other."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError), open(path, "rb") as file:
        head = file.read(_HEAD)
        if not any(f'"kind": "{kind}"'.encode() in head for kind in _COUNTS):
            return None
        text = (head + file.read()).decode()
        if data not in text:
            return None
        found: dict[str, Any] = json.loads(text)
        hashes = [found["data"]["hash"], *found.get("sweep", {}).get("markets", [])]
        if found["manifest"] == VERSION and data in hashes and found["seal"] == seal_of(text):
            return found
    return None


def tried_in(facts: Mapping[str, Any]) -> Tried:
    """What a manifest, or an entry of one, has taken down; nothing for one of an earlier version."""
    kept = facts.get("tried_before", {})
    return Tried(int(kept.get("settings", 0)), tuple(kept.get("runs", ())))


def tried_entry(tried: Tried, result: Result | None = None) -> dict[str, Any]:
    """The same for the manifest and for ``--json``, there with the deflated Sharpe ratio of a ``result``."""
    found: dict[str, Any] = {"settings": tried.settings, "runs": list(tried.runs)}
    if result is not None:
        found["deflated"] = deflated_after(tried, daily_pnl(result)) if tried.settings else math.nan
    return found


def daily_pnl(result: Result) -> Floats:
    """Daily PnL (days,) in units of the notional."""
    return result.measured.days["pnl"].to_numpy(dtype=np.float64)
