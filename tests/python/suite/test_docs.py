"""All code of the pages about Python runs: in order, in one namespace a page; a block marked `own` is
a program of its own."""

from __future__ import annotations

import re
import time
import zipfile
from pathlib import Path
from typing import Any

import jinja2
import pytest

from scripts import clean

ROOT = Path(__file__).parents[3]
PAGES = ["README.md", "docs/python.md"]


def blocks(page: str) -> list[tuple[int, str, str]]:
    """Line, what is said after the fence, code."""
    text = (ROOT / page).read_text()
    found = re.finditer(r"^```python( .*)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text[: m.start()].count("\n") + 2, (m[1] or "").strip(), m[2]) for m in found]


def fails() -> None:
    raise OSError("refused")


def raises_a_key_error() -> None:
    raise KeyError("photos")


async def find_user_async(id: int) -> str:
    return f"user {id}"


@pytest.fixture
def namespace(tmp_path: Path) -> dict[str, Any]:
    """What a page takes for granted."""
    folder = tmp_path / "files"
    folder.mkdir()
    logo, document = folder / "logo.png", folder / "document.json"
    logo.write_bytes(b"logo")
    document.write_text('{"a": 1}')
    return {
        "__name__": "page",
        "find_user": lambda *_: "Ada",
        "get_photos": lambda id, limit: [f"/{id}/{n}.png" for n in range(limit)],
        "fetch_news": lambda id: [],
        "render_template": lambda source, **values: jinja2.Template(source).render(**values),
        "look_up": lambda number: number * 2,
        "ask": lambda server: f"{server} answers",
        "never_answers": lambda: time.sleep(60),
        "fails": fails,
        "raises_a_key_error": raises_a_key_error,
        "find_user_async": find_user_async,
        "count_rows": lambda: 3,
        "path_of_a_file": str(logo),
        "path_of_a_json_file": str(document),
        "a_folder": f"{folder}/",
        "uris": [str(logo), str(document)],
        "out": str(tmp_path / "out.zip"),
        "zipfile": zipfile,
    }


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page: str, namespace: dict[str, Any]) -> None:
    found = blocks(page)
    assert found
    for line, mark, code in found:
        if mark == "own":
            clean(code, "-W", "ignore")
        else:
            # The lines of a traceback are those of the page.
            exec(compile("\n" * (line - 1) + code, str(ROOT / page), "exec"), namespace)


def test_every_public_name_is_on_the_page() -> None:
    import codap

    text = (ROOT / "docs/python.md").read_text()
    # Types that one is given, and never names.
    given = {
        "Archived",
        "Arrivals",
        "Document",
        "Entry",
        "Error",
        "Event",
        "Failed",
        "Finished",
        "Handle",
        "Spawned",
        "Strict",
        "Work",
    }
    assert [name for name in codap.__all__ if name not in given and name not in text] == []
