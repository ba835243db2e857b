"""A page of FastAPI: coroutines, functions that block, and native fetches on one page.

uvicorn fastapi_page:app
"""

import asyncio
import sqlite3

from fastapi import FastAPI

import codap

app = FastAPI()


async def find_user(id):
    await asyncio.sleep(0.05)  # an asynchronous driver
    return {"id": id, "name": "Ada"}


def count_photos(id):
    with sqlite3.connect(":memory:") as database:  # a driver that blocks: it goes to a thread
        return database.execute("select 3 * ?", [id]).fetchone()[0]


@app.get("/users/{id}")
async def show(id: int):
    page = codap.KV(deadline=2)
    page.put("user", find_user, id)
    page.put("photos", count_photos, id)
    page.put("about", codap.work(codap.fetch, timeout=1, default=None), __file__)
    return {
        "user": await page.aget("user"),
        "photos": await page.aget("photos"),
        "about": (await page.aget("about")).text.splitlines()[0],
    }
