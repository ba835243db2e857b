"""A page of Flask under gevent: the template waits only for what it shows.

python flask_page.py    # and look at http://127.0.0.1:8000/
"""

import codap

codap.use("gevent", patch="all")  # before everything else: sockets and sleeps let others run

import time

from flask import Flask, render_template_string
from gevent.pywsgi import WSGIServer

PAGE = """\
<title>{{ page.user.name }}</title>
{% for photo in page.photos %}<img src="{{ photo }}">{% endfor %}
{% if admin %}{{ page.statistics }}{% endif %}
"""

app = Flask(__name__)


def find_user(id):
    time.sleep(0.05)  # a database
    return {"id": id, "name": "Ada"}


def find_photos(id):
    time.sleep(0.05)  # an object store
    return [f"/photos/{id}/{n}.png" for n in range(3)]


def count_everything():
    time.sleep(60)  # only for administrators, who have the time


@app.get("/")
def show():
    page = codap.KV(deadline=2)
    page.put("user", find_user, 7)
    page.put("photos", codap.work(find_photos, timeout=1, default=[]), 7)
    page["statistics"] = count_everything
    # `strict`: an entry that failed fails the page, instead of leaving a hole in it.
    return render_template_string(PAGE, page=page.strict, admin=False)


if __name__ == "__main__":
    WSGIServer(("127.0.0.1", 8000), app).serve_forever()
