"""How many cores this process may use: those of the machine, less what an affinity or a container's limit takes away."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def cores(cgroups: Path = _CGROUPS) -> int:
    """At least one. A container with `cpus: 2` on a machine of 64 cores has two: 64 threads would only wait for their turns."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _limit(cgroups)
    return there if limit is None else max(1, min(there, math.ceil(limit)))


def _limit(cgroups: Path) -> float | None:
    """The container's limit in cores; None where there is none."""
    try:
        if (cgroups / "cpu.max").exists():
            quota, period = (cgroups / "cpu.max").read_text().split()
        else:  # the first version of control groups
            quota, period = ((cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        found = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number
        return None
    return found if found > 0 else None
