"""Resident memory of this process: what it has now, and the most it had since it was last asked to forget."""

import os
import time
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def resident() -> int:
    """Bytes of memory this process has now; 0 where the system does not tell."""
    return _field("VmRSS")


def peak() -> int:
    """The most it had since `forget_peak`, or since it began where the kernel keeps no shorter memory."""
    return _field("VmHWM")


def forget_peak() -> None:
    """Begin to look for the peak anew."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return


def process_seconds() -> float:
    """Wall seconds since this process began; 0 where the system does not tell."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def _field(name: str) -> int:
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)
