"""Programs of their own, run by tests: what happens at a program's start, end and interruption."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

HERE = Path(__file__).parent

PATCHES = {
    "threads": "",
    "asyncio": "",
    "gevent-unpatched": "import gevent",
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import warnings; warnings.filterwarnings('ignore', r'\\s*Eventlet is deprecated'); import eventlet; eventlet.monkey_patch()",
}


def program(source: str, home: str = "threads") -> str:
    return PATCHES[home] + "\n" + textwrap.dedent(source)


def start(source: str, *options: str, **env: str) -> subprocess.Popen[str]:
    given = (env.get("PYTHONPATH"), str(HERE), os.environ.get("PYTHONPATH"))
    path = os.pathsep.join(filter(None, given))
    return subprocess.Popen(
        [sys.executable, *options, "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env, "PYTHONPATH": path},
    )


def run(
    source: str, *options: str, timeout: float = 60, **env: str
) -> subprocess.CompletedProcess[str]:
    process = start(source, *options, **env)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # Its threads say where they are before it is gone.
        process.kill()
        out, err = process.communicate()
        err += "\nHANGS: killed"
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def clean(source: str, *options: str, timeout: float = 60, **env: str) -> str:
    """What it printed, having ended well and without a word on stderr."""
    ended = run(source, *options, timeout=timeout, **env)
    assert (ended.returncode, ended.stderr) == (0, ""), (
        f"{ended.returncode}\n{ended.stderr}\n{ended.stdout}"
    )
    return ended.stdout
