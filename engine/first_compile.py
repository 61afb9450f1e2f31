"""The first use of a new version compiles for half a minute: a second process compiles the core of the event loop,
most of it, while this one compiles the rest. It only fills the cache on disk; without it all goes on as it would.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys

from halfspread.compiled import cache_folder

__all__ = ["await_core", "compile_core_beside", "processors"]

#: What the cache holds once the core is compiled.
CORE = "engine_*/core_kernels.serve_core-*.nbc"
WORK = "from halfspread.engine.agent_functions import compile_core; compile_core()"
_beside: subprocess.Popen[bytes] | None = None


def compile_core_beside() -> None:
    """Start the second process, where the core is not in the cache and there is a processor for it."""
    global _beside  # noqa: PLW0603 - one process at most has one beside it
    if _beside is not None or processors() < 2 or any(cache_folder().glob(CORE)):
        return
    nobody = subprocess.DEVNULL
    try:
        _beside = subprocess.Popen([sys.executable, "-P", "-c", WORK], stdin=nobody, stdout=nobody, stderr=nobody)
    except OSError:
        return
    atexit.register(_beside.terminate)


def processors() -> int:
    """How many there are for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def await_core() -> None:
    """Wait until the second process is done, if there is one."""
    if _beside is not None:
        _beside.wait()
