"""The machine, the goals, the table."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from typing import Any

PEERS = ["gevent", "eventlet", "aiohttp", "httpx", "requests"]

# By what a row begins with: work, n or None for all, home, peer. Bounds of the ratio.
GOALS = [
    (("KV, instant", 1000, "threads", "ThreadPoolExecutor(8)"), 0.35),
    (("KV, instant", 10, "threads", "ThreadPoolExecutor(8)"), 0.8),
    (("KV, instant", 1000, "gevent", "gevent.spawn"), 0.85),
    (("KV, sleep(0)", 1000, "gevent", "gevent.spawn"), 0.85),
    (("KV, instant", 1000, "eventlet", "eventlet.spawn"), 0.8),
    (("KV, sleep(0)", 1000, "eventlet", "eventlet.spawn"), 0.8),
    (("KV, instant", 1000, "asyncio", "TaskGroup"), 1.1),
    (("KV, sleep(0)", 1000, "asyncio", "TaskGroup"), 1.1),
    (("GET 512 B, KV", None, "threads", "aiohttp"), 0.25),
    (("GET 512 B, KV", None, "threads", "raw reqwest"), 1.67),
]


def goal(row: dict[str, Any]) -> float | None:
    for (work, n, home, peer), bound in GOALS:
        same = row["work"] == work and row["runtime"] == home and row["peer"].startswith(peer)
        if same and n in (None, row["n"]):
            return bound
    return None


def show(rows: list[dict[str, Any]]) -> None:
    cores = os.cpu_count()
    print(f"- processor: {cores} cores, {processor()}")
    print(f"- system: {platform.platform()}, CPython {platform.python_version()}")
    print("- peers: " + ", ".join(f"{name} {version(name)}" for name in PEERS) + "\n")
    header = ["work", "n", "home", "peer", "codap", "peer", "unit", "ratio", "goal"]
    table = [header, ["---", "--:", "---", "---", "--:", "--:", "---", "--:", "---"]]
    for row in rows:
        bound = goal(row)
        mark = "" if bound is None else f"{'✓' if row['ratio'] <= bound else '✗'} ≤ {bound} ×"
        table.append(
            [
                row["work"],
                str(row["n"]),
                row["runtime"],
                row["peer"],
                figure(row["codap"]),
                figure(row["other"]),
                row["unit"],
                f"{row['ratio']:.2f}",
                mark,
            ]
        )
    widths = [max(len(line[column]) for line in table) for column in range(len(header))]
    for line in table:
        print("| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |")
    sys.stdout.flush()


def figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def processor() -> str:
    with open("/proc/cpuinfo") as lines:
        named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        return next(named, platform.machine())
