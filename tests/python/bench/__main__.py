"""`cargo xtask bench python`: codap beside what one would use or write instead.

    --quick       fewer rounds: a first look, not figures to quote
    --only TEXT   the rows that have this in their name
    --markdown    the table as it stands in docs/benchmarks.md

Each home is measured in a process of its own, since patching cannot be undone. In each round codap
and its peers do the work once, in turns; a ratio is the median of the ratios of the rounds, codap's
time by the peer's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from report import show

HOMES = ["threads", "gevent", "eventlet", "asyncio", "fetch"]


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--at"]:
        measure(arguments[1], arguments[2:])
        return
    known = {"--quick", "--only", "--markdown"}
    only = arguments[arguments.index("--only") + 1] if "--only" in arguments else ""
    for argument in arguments:
        if argument not in known and argument != only:
            sys.exit(f"there is no option {argument!r}\n\n{__doc__}")
    rows = []
    for home in HOMES:
        command = [sys.executable, "-W", "ignore", Path(__file__).parent, "--at", home, *arguments]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows += json.loads(said.splitlines()[-1])
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "bench")
    target.mkdir(parents=True, exist_ok=True)
    Path(target, "python.json").write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    show(rows)


def measure(home: str, arguments: list[str]) -> None:
    sys.path.insert(1, str(Path(__file__).parents[1]))
    from at_home import patch

    patch(home)
    quick = "--quick" in arguments
    only = arguments[arguments.index("--only") + 1] if "--only" in arguments else ""
    if home == "fetch":
        import fetches as cases
    else:
        import containers as cases  # type: ignore[no-redef]
    print(json.dumps(cases.rows(home, quick, only)))


if __name__ == "__main__":
    main()
