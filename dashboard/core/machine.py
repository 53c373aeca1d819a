"""What this machine is, and how much of its memory is free."""

import os
import platform
from pathlib import Path

MEMORY = Path("/proc/meminfo")
PROCESSOR = Path("/proc/cpuinfo")
# How much memory a container may take and has taken, by version of cgroups.
LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def processor() -> str:
    """Model and number of processors: what a measured time holds for."""
    name = _field(PROCESSOR, "model name") or platform.machine()
    return f"{os.cpu_count() or 1} x {name}"


def available_memory() -> int | None:
    """Bytes a new process may take before something has to give; None where the system does not tell."""
    told = _field(MEMORY, "MemAvailable")
    if told is None:
        return None
    free = int(told.split()[0]) * 1024
    for most, taken in LIMITS:
        try:
            free = min(free, int(most.read_text()) - int(taken.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return max(0, free)


def _field(path: Path, name: str) -> str | None:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
