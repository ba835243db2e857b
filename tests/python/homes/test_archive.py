"""Archives: put in every home, made by none of them."""

import tarfile
import zipfile

import pytest

import codap
from fault import Fault, rule


@pytest.fixture(scope="module")
def server():
    rules = [
        rule("/late", body={"text": "late"}, stall=[{"at": "head"}]),
        rule("/missing?token=CANARY7x", status=404),
        rule("/large", body={"generated": {"size": 3_000_000, "seed": 3}}),
        rule("/*", body={"generated": {"size": 1000, "seed": 3}}),
    ]
    with Fault(*rules) as running:
        yield running


def left(folder):
    """What is there, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


async def test_many_files_into_one_zip(home, server, tmp_path):
    out = tmp_path / "out.zip"
    kv = codap.KV()
    kv.put("zip", codap.archive, out, [server.url(f"/file-{n}.txt") for n in range(200)])
    made = await home.get(kv, "zip")
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"file-{n}.txt" for n in range(200))
        assert {info.file_size for info in archive.infolist()} == {1000}
    assert made == codap.Archived(str(out), 200, 200_000, out.stat().st_size, [], [])
    assert left(tmp_path) == ["out.zip"]


async def test_names_are_given_or_made_safe_in_the_order_of_the_list(home, server, tmp_path):
    items = [
        server.url("/large"),
        (server.url("/a"), "b/../../etc/passwd"),
        (server.url("/b"), "same"),
        (server.url("/c"), "same"),
    ]
    kv = codap.KV()
    kv.put("tar", codap.archive, tmp_path / "out", iter(items), format="tar.gz", limit=1)
    made = await home.get(kv, "tar")
    with tarfile.open(tmp_path / "out", "r:gz") as archive:
        names = archive.getnames()
    assert names == ["large", made.renamed[0][1], "same", "same#4"]
    assert ".." not in names[1]
    assert [wanted for wanted, _ in made.renamed] == ["b/../../etc/passwd", "same"]


async def test_a_folder_stands_for_all_below_it(home, tmp_path):
    below = tmp_path / "in" / "deep"
    below.mkdir(parents=True)
    (tmp_path / "in" / "a").write_text("a")
    (below / "b").write_text("b")
    kv = codap.KV()
    kv.put("zip", codap.archive, tmp_path / "out.zip", [(f"{tmp_path}/in/", "top")])
    assert (await home.get(kv, "zip")).entries == 2
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert sorted(archive.namelist()) == ["top/a", "top/deep/b"]


async def test_what_fails_is_told_and_the_rest_is_in_place(home, server, tmp_path):
    out = tmp_path / "out.zip"
    items = [server.url("/a"), server.url("/missing?token=CANARY7x"), "gopher://u:CANARY7x@h/"]
    kv = codap.KV()
    kv.put("zip", codap.archive, out, items)
    with pytest.raises(codap.ArchiveError, match="2 of 3 objects are missing") as caught:
        await home.get(kv, "zip")
    error = caught.value
    assert error.archived.entries == 1 and zipfile.ZipFile(out).namelist() == ["a"]
    assert {failed.name for failed in error.failed} == {"missing", None}
    assert {failed.error.kind for failed in error.failed} == {"not found", "unsupported"}
    assert error.archived.failed == error.failed
    assert "CANARY7x" not in f"{error!r} {error} {error.failed}"


async def test_the_first_failure_ends_all_if_asked_to(home, server, tmp_path):
    out = tmp_path / "out.zip"
    out.write_text("what was there")
    items = [server.url("/a"), server.url("/missing?token=CANARY7x"), server.url("/late")]
    kv = codap.KV()
    kv.put("zip", codap.archive, out, items, fail_fast=True)
    with pytest.raises(codap.ArchiveError, match="404") as caught:
        await home.get(kv, "zip")
    assert caught.value.archived is None and len(caught.value.failed) == 1
    assert out.read_text() == "what was there" and left(tmp_path) == ["out.zip"]


@pytest.mark.parametrize("items", [[], ["gopher://h/"]], ids=["nothing", "all failed"])
async def test_of_nothing_there_is_no_archive(home, tmp_path, items):
    kv = codap.KV()
    kv.put("zip", codap.archive, tmp_path / "out.zip", items)
    with pytest.raises(codap.ArchiveError, match=r"out\.zip.*no archive") as caught:
        await home.get(kv, "zip")
    assert caught.value.archived is None and left(tmp_path) == []


@pytest.mark.parametrize("how", ["cancel", "timeout", "deadline"])
async def test_what_ends_the_entry_ends_the_archive(home, server, tmp_path, how):
    kv = codap.KV(deadline=0.3 if how == "deadline" else None)
    work = codap.work(codap.archive, timeout=0.3 if how == "timeout" else None)
    items = [server.url("/a"), server.url("/late")]
    entry = kv.put("zip", work, tmp_path / "out.zip", items)
    await home.until(lambda: left(tmp_path) != [])
    if how == "cancel":
        entry.cancel()
    with pytest.raises((codap.Cancelled, codap.TimedOut)):
        await home.get(kv, "zip")
    await home.until(lambda: left(tmp_path) == [])
    server.release()
    assert left(tmp_path) == []


async def test_what_cannot_be_is_said_at_once(home, tmp_path):
    kv = codap.KV()
    for target, options, said in [
        ("out.rar", {}, "zip, tar, tar.gz, tar.zst"),
        ("out.zip", {"format": "rar"}, "zip, tar, tar.gz, tar.zst"),
        ("s3://u:CANARY7x@bucket/out.zip", {}, "goes to a file"),
        ("out.zip", {"limit": 0}, "limit"),
    ]:
        with pytest.raises(ValueError, match=said) as caught:
            kv.put("zip", codap.archive, target, ["a"], **options)
        assert "CANARY7x" not in str(caught.value)
    work = codap.work(codap.archive, retry=2)
    with pytest.raises(TypeError, match="retry="):
        kv.put("zip", work, "out.zip", ["a"])


async def test_a_default_stands_in_for_it(home, tmp_path):
    kv = codap.KV()
    kv.put("zip", codap.work(codap.archive, default=None), tmp_path / "no" / "out.zip", ["a"])
    assert await home.get(kv, "zip") is None


async def test_by_itself_it_waits(home, server, tmp_path):
    out, items = tmp_path / "out.tar.zst", [server.url("/a")]
    made = await codap.aarchive(out, items) if home.is_async else codap.archive(out, items)
    assert made.entries == 1 and left(tmp_path) == ["out.tar.zst"]
