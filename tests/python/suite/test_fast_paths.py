"""What reads a dict, in C or in Python, and what it gets of a KV.

Each consumer is a function of a dict. It is given a KV whose values are on their way, and one whose
values are there, and must make of both what it makes of a plain dict; or the table says what it
does instead while values are on their way.
"""

from __future__ import annotations

import collections
import copy
import csv
import dataclasses
import functools
import inspect
import io
import itertools
import json
import marshal
import operator
import pickle
import pprint
import sqlite3
import string
import threading
import types
import urllib.parse
from collections.abc import Callable
from typing import Any

import bson
import django.conf
import django.template
import jinja2
import msgpack
import orjson
import pydantic
import pydantic_core
import pytest
import simplejson
import ujson
import yaml

import codap

PLAIN = {"a": 1, "b": "x"}

RIGHT, MARKER, LOUD, NEVER = "right", "marker", "loud", "never"
"""As of a plain dict; a marker whose name says what to do; an error that says it; as any subclass of dict."""


@dataclasses.dataclass
class Holder:
    page: Any


class Object:
    pass


def keywords(**kw: Any) -> Any:
    return kw


def merged(d: Any) -> Any:
    result: dict[str, Any] = {"z": 0}
    result |= d
    return result


def updated(d: Any) -> Any:
    result: dict[str, Any] = {}
    result.update(d)
    return result


def set_default(d: Any) -> Any:
    return [d.setdefault("a", 7), d.setdefault("b", 7)]


def matched(d: Any) -> Any:
    match d:
        case {"a": a, "b": b}:
            return a, b
    return None


def matched_rest(d: Any) -> Any:
    match d:
        case {"a": 1, **rest}:
            return rest
    return None


def attributes(d: Any) -> Any:
    made = type("Made", (), d)
    return made.a, made.b


def own_dict_updated(d: Any) -> Any:
    it = Object()
    it.__dict__.update(d)
    return it.a, it.b


def own_dict(d: Any) -> Any:
    it = Object()
    it.__dict__ = d
    return it.a


def written(d: Any) -> str:
    out = io.StringIO()
    csv.DictWriter(out, ["a", "b"]).writerow(d)
    return out.getvalue()


def queried(d: Any) -> Any:
    connection = sqlite3.connect(":memory:")
    try:
        return connection.execute("select :a, :b", d).fetchall()
    finally:
        connection.close()


def evaluated(d: Any) -> Any:
    return eval("a, b", d)


def executed(d: Any) -> Any:
    result: list[Any] = []
    exec("result.append((a, b))", {"result": result}, d)
    return result


def python_pickle(d: Any) -> Any:
    return pickle.loads(pickle._dumps(d))


def django_page(template: str, context: dict[str, Any]) -> str:
    if not django.conf.settings.configured:
        django.conf.settings.configure(USE_I18N=False)
    return django.template.Engine().from_string(template).render(django.template.Context(context))


def jinja(template: str, *args: Any, **kw: Any) -> str:
    return (
        jinja2.Environment(undefined=jinja2.StrictUndefined)
        .from_string(template)
        .render(*args, **kw)
    )


class Model(pydantic.BaseModel):
    page: dict[str, Any]


CONSUMERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    # The language
    "f(**d)": (lambda d: keywords(**d), RIGHT),
    "f(a=…, **d)": (lambda d: keywords(z=1, **d), RIGHT),
    "{**d}": (lambda d: {**d}, RIGHT),
    "{**x, **d}": (lambda d: {"z": 0, **d}, RIGHT),
    "[*d]": (lambda d: [*d], RIGHT),
    "comprehension": (lambda d: {k: v for k, v in d.items()}, RIGHT),
    "for key in d": (lambda d: [(k, d[k]) for k in d], RIGHT),
    "d == plain": (lambda d: d == PLAIN, RIGHT),
    "plain == d": (lambda d: PLAIN == d, RIGHT),
    "plain != d": (lambda d: PLAIN != d, RIGHT),
    "d | x": (lambda d: d | {"z": 0}, RIGHT),
    "x | d": (lambda d: {"z": 0} | d, RIGHT),
    "x |= d": (merged, RIGHT),
    "match": (matched, RIGHT),
    "match **rest": (matched_rest, RIGHT),
    "'%(a)s' % d": (lambda d: "%(a)s %(b)s" % d, RIGHT),
    "eval, globals": (evaluated, RIGHT),
    "eval, locals": (lambda d: eval("a, b", {}, d), RIGHT),
    "exec, locals": (executed, RIGHT),
    "len, in, bool": (lambda d: (len(d), "a" in d, bool(d)), RIGHT),
    "reversed": (lambda d: list(reversed(d)), RIGHT),
    # dict and its methods
    "dict(d)": (dict, RIGHT),
    "dict(d, z=0)": (lambda d: dict(d, z=0), RIGHT),
    "dict(**d)": (lambda d: dict(**d), RIGHT),
    "dict(d.items())": (lambda d: dict(d.items()), RIGHT),
    "dict.update(x, d)": (updated, RIGHT),
    "dict.__or__(x, d)": (lambda d: dict.__or__({"z": 0}, d), RIGHT),
    "dict.copy(d)": (dict.copy, RIGHT),
    "dict.fromkeys(d)": (dict.fromkeys, RIGHT),
    "d.copy()": (lambda d: d.copy(), RIGHT),
    "d.get": (lambda d: [d.get("a"), d.get("z"), d.get("z", 1)], RIGHT),
    "d.values()": (lambda d: list(d.values()), RIGHT),
    "d.items()": (lambda d: sorted(d.items()), RIGHT),
    "reversed(d.items())": (lambda d: list(reversed(d.items())), RIGHT),
    "1 in d.values()": (lambda d: (1 in d.values(), 9 in d.values()), RIGHT),
    "(k, v) in d.items()": (lambda d: (("a", 1) in d.items(), ("a", 2) in d.items()), RIGHT),
    "d.keys() & x": (lambda d: d.keys() & {"a"}, RIGHT),
    "d.pop": (lambda d: d.pop("a"), RIGHT),
    "d.popitem": (lambda d: d.popitem(), RIGHT),
    "d.setdefault": (set_default, RIGHT),
    "dict.get(d)": (lambda d: dict.get(d, "a"), MARKER),
    "dict.values(d)": (lambda d: list(dict.values(d))[0], MARKER),
    "dict.items(d)": (lambda d: dict(dict.items(d))["a"], MARKER),
    "dict.__getitem__(d)": (lambda d: dict.__getitem__(d, "a"), MARKER),
    "it.__dict__ = d": (own_dict, MARKER),
    # The standard library
    "copy.copy": (copy.copy, RIGHT),
    "copy.deepcopy": (copy.deepcopy, RIGHT),
    "pickle": (lambda d: pickle.loads(pickle.dumps(d)), RIGHT),
    "pickle, protocol 0": (lambda d: pickle.loads(pickle.dumps(d, 0)), RIGHT),
    "pickle in Python": (python_pickle, RIGHT),
    "json": (json.dumps, RIGHT),
    "json, nested": (lambda d: json.dumps({"page": [d]}), RIGHT),
    "json, indented": (lambda d: json.dumps(d, indent=1), RIGHT),
    "json, sorted": (lambda d: json.dumps(d, sort_keys=True), RIGHT),
    "ChainMap": (lambda d: dict(collections.ChainMap({}, d)), RIGHT),
    "UserDict": (lambda d: dict(collections.UserDict(d)), RIGHT),
    "OrderedDict": (lambda d: dict(collections.OrderedDict(d)), RIGHT),
    "defaultdict": (lambda d: dict(collections.defaultdict(int, d)), RIGHT),
    "OrderedDict == d": (lambda d: collections.OrderedDict(PLAIN) == d, RIGHT),
    "defaultdict == d": (lambda d: collections.defaultdict(int, PLAIN) == d, RIGHT),
    "Counter": (lambda d: collections.Counter(d.keys()), RIGHT),
    "mappingproxy": (lambda d: dict(types.MappingProxyType(d)), RIGHT),
    "SimpleNamespace": (lambda d: types.SimpleNamespace(**d), RIGHT),
    "type()": (attributes, RIGHT),
    "it.__dict__.update": (own_dict_updated, RIGHT),
    "format_map": ("{a} {b}".format_map, RIGHT),
    "format(**d)": (lambda d: "{a} {b}".format(**d), RIGHT),
    "Formatter": (lambda d: string.Formatter().vformat("{a} {b}", (), d), RIGHT),
    "Template": (lambda d: string.Template("$a $b").substitute(d), RIGHT),
    "urlencode": (urllib.parse.urlencode, RIGHT),
    "csv": (written, RIGHT),
    "sqlite3": (queried, RIGHT),
    "dataclasses.asdict": (lambda d: dataclasses.asdict(Holder(d)), RIGHT),
    "partial": (lambda d: functools.partial(keywords, **d)(), RIGHT),
    "itemgetter": (lambda d: operator.itemgetter("a", "b")(d), RIGHT),
    "map(d.get)": (lambda d: list(map(d.get, d)), RIGHT),
    "zip": (lambda d: list(zip(d, d.values())), RIGHT),
    "chain": (lambda d: list(itertools.chain(d.items())), RIGHT),
    "sum(d.values())": (lambda d: sum(v for v in d.values() if isinstance(v, int)), RIGHT),
    "bind(**d)": (lambda d: inspect.signature(keywords).bind(**d).kwargs, RIGHT),
    "pprint of dict(d)": (lambda d: pprint.pformat(dict(d)), RIGHT),
    "marshal": (marshal.dumps, NEVER),
    # Other people's
    "msgpack": (msgpack.packb, RIGHT),
    "simplejson": (simplejson.dumps, RIGHT),
    "orjson": (orjson.dumps, LOUD),
    "orjson, default=dict": (
        lambda d: orjson.dumps(d, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=dict),
        RIGHT,
    ),
    "ujson": (ujson.dumps, LOUD),
    "bson": (bson.encode, LOUD),
    "bson, nested": (lambda d: bson.encode({"page": d}), LOUD),
    "yaml": (lambda d: yaml.unsafe_load(yaml.dump(d)), RIGHT),
    "yaml.safe_dump": (yaml.safe_dump, NEVER),
    "pydantic, validated": (lambda d: Model(page=d).page, RIGHT),
    "pydantic, to_json": (pydantic_core.to_json, LOUD),
    "Jinja2, **d": (lambda d: jinja("{{ a }} {{ b }}", **d), RIGHT),
    "Jinja2, one dict": (lambda d: jinja("{{ a }} {{ b }}", d), RIGHT),
    "Jinja2, page=d": (lambda d: jinja("{{ page.a }} {{ page['b'] }}", page=d), RIGHT),
    "Jinja2, loop": (
        lambda d: jinja("{% for k, v in page.items() %}{{ k }}{{ v }}{% endfor %}", page=d),
        RIGHT,
    ),
    "Django, a context": (lambda d: django_page("{{ a }} {{ b }}", d), RIGHT),
    "Django, page=d": (lambda d: django_page("{{ page.a }} {{ page.b }}", {"page": d}), RIGHT),
}


@pytest.fixture
def opened() -> threading.Event:
    return threading.Event()


def on_its_way(opened: threading.Event) -> codap.KV:
    kv = codap.KV()
    for key, value in PLAIN.items():
        kv.put(key, lambda value=value: opened.wait(20) and value)
    return kv


@pytest.mark.parametrize("name", CONSUMERS)
def test_settled(name: str, opened: threading.Event) -> None:
    consume, kind = CONSUMERS[name]
    opened.set()
    kv = on_its_way(opened)
    kv.wait()
    if kind == NEVER:
        with pytest.raises(Exception):
            consume(kv)
    else:
        assert consume(kv) == consume(dict(PLAIN))


@pytest.mark.parametrize("name", CONSUMERS)
def test_on_its_way(name: str, opened: threading.Event) -> None:
    consume, kind = CONSUMERS[name]
    kv = on_its_way(opened)
    if kind == RIGHT:
        # Whoever reads has begun by then, or it is there already: both must be right.
        timer = threading.Timer(0.01, opened.set)
        timer.start()
        result = consume(kv)
        timer.join()
        assert result == consume(dict(PLAIN))
    elif kind == MARKER:
        marker = consume(kv)
        assert marker is not PLAIN["a"]
        assert "wait" in type(marker).__name__, type(marker)
    else:
        with pytest.raises(Exception) as caught:
            consume(kv)
        assert kind == NEVER or not isinstance(caught.value, AssertionError)
    opened.set()
    kv.wait()
