"""A program that uses all of codap, for the type checker: `mypy --strict` must accept it."""

import codap


def length(text: str, *, times: int = 1) -> int:
    return len(text) * times


async def main() -> None:
    kv: codap.KV[str, int] = codap.KV({"zero": 0}, limit=4, deadline=2.0)
    handle = kv.put("a", length, "text", times=2)
    kv["b"] = 3
    kv.insert("c", 4)
    slot = kv.put("late")
    slot.put(5)
    number: int = kv["a"]
    number = await kv.aget("a")
    number = handle.get(timeout=1)
    print(number, kv.try_get("b", None), kv.strict["a"], kv.pending, kv.done, kv.failed)
    policy: codap.Work[int] = codap.work(length, timeout=1, default=0, retry=(0.1, 0.2))
    kv.put("p", policy, "text")
    if kv.wait(timeout=1) and await kv.join():
        done: codap.Finished = kv.finish_by(1)
        entry: codap.Entry[int]
        for key, entry in done.missing.items():
            print(key, entry.outcome, entry.exception())
    key, value = kv.first_ok()
    waits: list[codap.Event] = [it for it in codap.events(kv) if it.what == "waited"]
    print(waits)

    ordered: codap.Ordered[int] = codap.Ordered([1, 2])
    ordered.push(length, "text")
    numbers: list[int] = list(ordered) + ordered[0:1]
    async for item in ordered:
        numbers.append(item)

    replies: codap.FirstReply[int] = codap.FirstReply(on="threads")
    replies.push(length, "text")
    number = replies[0]
    async with replies:
        pass

    document: codap.Document = await codap.afetch("file:///etc/hostname")
    text: str = document.text
    made: codap.Archived = await codap.aarchive("out.zip", ["a", ("s3://b/c", "d")], limit=8)
    for failed in made.failed:
        print(failed.uri, failed.error.kind, made.size)
    print(text, document.json(), numbers, key, value)
    queue: codap.Queue[int] = codap.Queue()
    queue.put(1)
    codap.spawn(queue.get).join()
    codap.use("threads")
    try:
        kv["x"]
    except (codap.EntryError, codap.Cancelled, codap.TimedOut, codap.FetchError) as error:
        print(error)
