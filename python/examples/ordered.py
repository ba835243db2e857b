"""A sorted list whose items need one more lookup each: answers in the order of the questions."""

import codap


class Stuff:
    def __init__(self, x):
        self.x = x

    def render(self):
        print(self.x)


class Database:
    def get(self, x):
        return Stuff(x)


db = Database()


def get_stuff(db, x):
    return db.get(x)


results = codap.Ordered()
for x in range(0, 10):
    results.push(get_stuff, db, x)
for r in results:  # Same order as pushed
    r.render()
