"""What computes: Python, the platform, the CPU as numba sees it, and the packages.

Results repeat bit for bit on one kind of CPU and one set of packages.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["cpu_features", "cpu_model", "machine", "package_version"]

PACKAGES = ("llvmlite", "numba", "numpy", "pandas", "pyarrow", "pydantic")


def machine() -> dict[str, Any]:
    """Python, platform, CPU, and the versions of the packages that compute."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_model(),
        "packages": {name: package_version(name) for name in PACKAGES},
    }


def package_version(package: str) -> str:
    """The version of an installed package; ``unknown`` for one without."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def cpu_model() -> str:
    """Name of the processor."""
    if sys.platform == "linux":
        try:
            with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
                for line in file:
                    if line.startswith(("model name", "Model")):
                        return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()


def cpu_features() -> dict[str, str]:
    """What numba compiles for: the ``target``, and the instruction sets (``features``) that it may use, by name in one
    line; both follow NUMBA_CPU_NAME and NUMBA_CPU_FEATURES where these are set."""
    import llvmlite.binding as llvm
    from numba import config

    settings: Any = config
    name = settings.CPU_NAME or llvm.get_host_cpu_name()
    given = settings.CPU_FEATURES
    features = llvm.get_host_cpu_features().flatten() if given is None else given
    used = sorted(each[1:] for each in features.split(",") if each.startswith("+"))
    return {"target": str(name), "features": " ".join(used)}
