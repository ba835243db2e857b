"""Taking turns, and what comes of it."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

Life = Callable[[], None]
"""The work once, from nothing to its last result."""

TURN = 0.003
"""Seconds that a turn lasts at least: a short work is repeated."""


def take(contestants: dict[str, Life], quick: bool, budget: float = 2.0) -> dict[str, list[float]]:
    """Seconds of one life, by contestant and round. The first named is codap."""
    repeats = {}
    for name, life in contestants.items():
        life()
        begun = time.perf_counter()
        life()
        repeats[name] = max(1, int(TURN / (time.perf_counter() - begun)))
    times: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    end = time.monotonic() + (budget / 4 if quick else budget * len(names) / 2)
    gc.collect()
    for round in range(101):
        for place in range(len(names)):
            name = names[(place + round) % len(names)]
            life, repeat = contestants[name], repeats[name]
            begun = time.perf_counter()
            for _ in range(repeat):
                life()
            times[name].append((time.perf_counter() - begun) / repeat)
        if time.monotonic() > end and round >= (2 if quick else 6):
            break
    return times


def rows(
    work: str, n: int, home: str, times: dict[str, list[float]], unit: str = "µs/entry"
) -> list[dict[str, Any]]:
    ours, *peers = times
    found = []
    for peer in peers:
        pairs = zip(times[ours], times[peer], strict=True)
        found.append(
            {
                "work": work,
                "n": n,
                "runtime": home,
                "peer": peer,
                "codap": statistics.median(times[ours]) / n * 1e6,
                "other": statistics.median(times[peer]) / n * 1e6,
                "unit": unit,
                "ratio": statistics.median(mine / other for mine, other in pairs),
            }
        )
    return found
