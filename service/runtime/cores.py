"""How many cores this process may use: the smaller of its affinity and its cgroup's quota."""

import math
import os
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")


def available_cores(
    cgroup_root: Path = CGROUP_ROOT, membership: Path = Path("/proc/self/cgroup")
) -> int:
    """Whole cores to plan for, at least 1. A fractional quota is rounded up from the half: 1.5 is
    2, 1.4 is 1.
    """
    allowed = len(os.sched_getaffinity(0))
    quota = _cgroup_quota(cgroup_root, membership)
    if quota is None:
        return allowed
    return max(1, min(allowed, math.floor(quota + 0.5)))


def _cgroup_quota(root: Path, membership: Path) -> float | None:
    """The tightest quota, in cores, on the way from this process's cgroup up to the root; None when
    there is none.
    """
    quotas = [
        quota
        for directory in _own_directories(root, membership)
        if (quota := _read_quota(directory)) is not None
    ]
    return min(quotas, default=None)


def _own_directories(root: Path, membership: Path) -> list[Path]:
    """The cgroup directories that bound this process, for v2 (``0::/path``) and v1
    (``n:cpu,cpuacct:/path``).
    """
    directories = [root, root / "cpu", root / "cpu,cpuacct"]
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return directories
    for line in lines:
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0" and not controllers:
            base = root
        elif "cpu" in controllers.split(","):
            base = root / controllers
        else:
            continue
        own = base / path.lstrip("/")
        directories += [own, *(parent for parent in own.parents if parent.is_relative_to(root))]
    return directories


def _read_quota(directory: Path) -> float | None:
    try:
        quota, period = (directory / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (directory / "cpu.cfs_quota_us").read_text().strip()
            period = (directory / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in ("max", "-1") or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)
