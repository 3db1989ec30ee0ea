"""What the kernel says of a process: its memory, its descriptors, its connections."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

LISTENING = "0A"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE_BYTES / 1e6


def descriptors(pid: int) -> Counter[str]:
    """Return how many descriptors of each kind a process has open; sockets by their state.

    A connection is named by the ports of both ends, so that two lists can be compared.
    """
    sockets = _tcp_sockets(pid)
    found: Counter[str] = Counter()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = str(each.readlink())
        except FileNotFoundError:
            continue
        if name.startswith("socket:["):
            name = sockets.get(name[8:-1], "another socket")
        found[name] += 1
    return found


def _tcp_sockets(pid: int) -> dict[str, str]:
    """Return the inode of each TCP socket -> what it is."""
    found = {}
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            parts = line.split()
            near, far, state, inode = (*parts[1:4], parts[9])
            ports = f"{int(near[-4:], 16)} to {int(far[-4:], 16)}"
            found[inode] = "listening" if state == LISTENING else f"connection {ports} ({state})"
    return found


def growth(samples: Sequence[tuple[float, float]]) -> float:
    """Return how much the least-squares line through (time, value) pairs grows over all of them."""
    times, values = zip(*samples, strict=True)
    middle_s, middle = mean(times), mean(values)
    over = sum((at_s - middle_s) * (value - middle) for at_s, value in samples)
    slope = over / sum((at_s - middle_s) ** 2 for at_s in times)
    return float(slope * (times[-1] - times[0]))
