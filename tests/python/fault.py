"""The server that fails as its script says (crates/codap-fault), as a process of its own."""

from __future__ import annotations

import json
import os
import posix
import subprocess
import tempfile
from pathlib import Path
from typing import Any


class Fault:
    """Serves `rules` until the `with` block ends.

    >>> with Fault(rule("/a", body={"text": "hello"})) as server:
    ...     codap.fetch(server.url("/a"))
    """

    def __init__(self, *rules: dict[str, Any], **script: Any) -> None:
        program = os.environ.get("CODAP_TEST_FAULT")
        assert program, "no fault server: cargo xtask test --only python"
        self._script = json.dumps({"log": 0, "rule": list(rules), **script})
        self._program = program

    def __enter__(self) -> Fault:
        # Bare pipes, read and written by bare calls: any thread may ask, whatever is patched.
        commands, self._commands = posix.pipe()
        self._answers, answers = posix.pipe()
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "script.json")
            script.write_text(self._script)
            self._process = subprocess.Popen(
                [self._program, script], stdin=commands, stdout=answers
            )
            posix.close(commands)
            posix.close(answers)
            self.base = self._line().strip()
        assert self.base.startswith("http://127.0.0.1:"), self.base
        return self

    def __exit__(self, *_: object) -> None:
        posix.close(self._commands)
        # The last line, which may be more than a pipe holds: its end is that of the program.
        while posix.read(self._answers, 65536):
            pass
        self._process.wait(timeout=10)
        posix.close(self._answers)

    def url(self, path: str) -> str:
        return self.base + path

    def counters(self) -> dict[str, Any]:
        return self._ask("counters")

    def release(self) -> dict[str, Any]:
        """Lets go of the replies that stall."""
        return self._ask("release")

    def wait(self, condition: str) -> dict[str, Any]:
        """Waits for a counter: `requests >= 3`."""
        answer = self._ask(f"wait {condition}")
        assert "error" not in answer, answer
        return answer

    def _ask(self, command: str) -> dict[str, Any]:
        posix.write(self._commands, f"{command}\n".encode())
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def _line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            part = posix.read(self._answers, 65536)
            assert part, "the fault server has ended"
            line += part
        return line.decode()


def rule(path: str, **reply: Any) -> dict[str, Any]:
    return {"on": {"path": path}, "reply": reply}
