"""A page of a web service: everything is asked for at once, and read like a dictionary."""

from jinja2 import Template

from codap import KV

PHOTOS = {7: ["tabby", "siamese", "manx", "sphynx", "bengal"]}


class Database:
    def find(self, name):
        return f"{name} is climbing"


def bar():
    return "bar"


def get_photos(id, limit):
    return PHOTOS[id][:limit]


def render_template(name, **values):
    return Template("{{ foo }}: {{ cats | join(', ') }}; {{ monkey }}").render(**values)


id, db, name = 7, Database(), "george"


def back(db, name):
    return db.find(name)


results = KV()
results['foo'] = bar  # bar is a function
results.put('cats', get_photos, id, limit=4)  # get_photos is a function
results.put('monkey', back, db, name)
print(render_template('my_temp.html', **results))
