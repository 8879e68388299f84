"""What processes cost and how busy a core is, from Linux's /proc; None where there is no such thing."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

KIB_PER_MIB = 1024
_PPID, _UTIME, _STIME, _CUTIME, _CSTIME = 4, 14, 15, 16, 17
"""As proc(5) numbers the fields."""
_IDLE = (3, 4)
"""`idle` and `iowait` among the times of a core."""
_TIMES = 8
"""Beyond these, a core's times are parts of earlier ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of one process since its start."""

    cpu_s: float | None = None
    rss_mib: float | None = None
    rss_peak_mib: float | None = None


def usage_of(pid: int) -> Usage:
    """Read it now; empty if the process is gone."""
    try:
        stat = _stat(pid)
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Usage()
    return Usage(cpu_s=_cpu_s(stat, _UTIME, _STIME), rss_mib=_mib(status, "VmRSS"), rss_peak_mib=_mib(status, "VmHWM"))


def family_cpu_s(*, without: int) -> float | None:
    """CPU time of this process and all below it, the ended among them, but for one: the servers, and the watching."""
    stats: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            stats[int(path.name)] = _stat(int(path.name))
    family = {os.getpid()}
    while more := {pid for pid, stat in stats.items() if stat[_PPID] in family and pid not in family | {without}}:
        family |= more
    found = [_cpu_s(stats[pid], _UTIME, _STIME, _CUTIME, _CSTIME) for pid in family if pid in stats]
    return sum(found) if found else None


def _stat(pid: int) -> list[int]:
    """The numbers of /proc/PID/stat, each at its place in proc(5); name and state are 0."""
    after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, pid, 0, 0, *map(int, after[1:])]


def _cpu_s(stat: list[int], *fields: int) -> float:
    return sum(stat[field] for field in fields) / os.sysconf("SC_CLK_TCK")


def _mib(status: str, name: str) -> float | None:
    for line in status.splitlines():
        if line.startswith(f"{name}:"):
            return round(int(line.split()[1]) / KIB_PER_MIB, 1)
    return None


def busy_s(core: int | None) -> float | None:
    """For how long the core has not been idle since the machine started."""
    if core is None:
        return None
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, *times = line.split()
        if name == f"cpu{core}":
            ticks = sum(int(time) for number, time in enumerate(times[:_TIMES]) if number not in _IDLE)
            return ticks / os.sysconf("SC_CLK_TCK")
    return None
