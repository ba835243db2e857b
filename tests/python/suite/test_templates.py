"""Pages: an entry that fails is never silently empty."""

from __future__ import annotations

from typing import Any

import django.conf
import django.core.exceptions
import django.template
import flask
import jinja2
import pytest

import codap

# What one template engine or the other takes for "there is no such thing", and renders as nothing.
ERRORS = [
    AttributeError("'NoneType' object has no attribute 'photos'"),
    KeyError("photos"),
    KeyError(()),
    IndexError("list index out of range"),
    LookupError("unknown encoding"),
    TypeError("'NoneType' object is not subscriptable"),
    ValueError("invalid literal"),
    django.core.exceptions.ObjectDoesNotExist("no such user"),
    jinja2.UndefinedError("'user' is undefined"),
]
failing = pytest.mark.parametrize("error", ERRORS, ids=lambda e: repr(e)[:24])


def page(error: BaseException | None = None) -> codap.KV:
    made = codap.KV()
    made["title"] = lambda: "Home"
    made["user"] = lambda: {"name": "Ada"}
    if error is not None:

        def fail() -> None:
            raise error

        made["photos"] = fail
    return made


def render_jinja(source: str, **context: Any) -> str:
    return jinja2.Environment().from_string(source).render(**context)


def render_django(source: str, **context: Any) -> str:
    if not django.conf.settings.configured:
        django.conf.settings.configure(USE_I18N=False)
    template = django.template.Engine(debug=True).from_string(source)
    return template.render(django.template.Context(context))


def render_flask(source: str, **context: Any) -> str:
    app = flask.Flask(__name__)
    app.testing = True

    @app.route("/")
    def show() -> str:
        return flask.render_template_string(source, **context)

    return app.test_client().get("/").text


ENGINES = {
    "Jinja2": (
        render_jinja,
        ["{{ page.photos }}", "{{ page['photos'] }}", "{% if page.photos %}x{% endif %}"],
    ),
    "Django": (render_django, ["{{ page.photos }}", "{% if page.photos %}x{% endif %}"]),
    "Flask": (render_flask, ["{{ page.photos }}", "{{ page['photos'] }}"]),
}
engines = pytest.mark.parametrize("engine", ENGINES)


@engines
@pytest.mark.parametrize("view", ["page", "strict"])
def test_a_page_renders_what_it_touches(engine: str, view: str) -> None:
    render, _ = ENGINES[engine]
    made = page(OSError("never touched"))
    given = made if view == "page" else made.strict
    assert render("{{ page.title }}: {{ page.user.name }}", page=given) == "Home: Ada"


@engines
@failing
def test_a_failed_entry_fails_the_page_through_strict(engine: str, error: BaseException) -> None:
    render, sources = ENGINES[engine]
    for source in sources:
        with pytest.raises(codap.EntryError, match="photos") as caught:
            render(source, page=page(error).strict)
        assert caught.value.__cause__ is error


@engines
@failing
def test_all_of_a_page_fails_if_one_entry_did(engine: str, error: BaseException) -> None:
    render, _ = ENGINES[engine]
    with pytest.raises(Exception) as caught:
        render("{{ title }}", **page(error))
    assert error in (caught.value, caught.value.__cause__)


@failing
@pytest.mark.parametrize("how", ["call", "display"])
def test_the_original_error_survives_two_stars(error: BaseException, how: str) -> None:
    def call(**keywords: Any) -> None:
        raise AssertionError("it was called")

    made = page(error)
    with pytest.raises(Exception) as caught:
        call(**made) if how == "call" else {**made}
    assert error in (caught.value, caught.value.__cause__)
    if isinstance(error, (AttributeError, KeyError)):
        assert isinstance(caught.value, codap.EntryError)


@pytest.mark.parametrize("engine", ["Jinja2", "Flask"])
def test_what_was_never_put_is_undefined_as_ever(engine: str) -> None:
    render, _ = ENGINES[engine]
    assert render("[{{ page.nothing }}]", page=page().strict) == "[]"


def test_strict_reads_and_does_not_write() -> None:
    made = page()
    strict = made.strict
    assert list(strict) == ["title", "user"] and len(strict) == 2 and "title" in strict
    assert dict(strict) == {"title": "Home", "user": {"name": "Ada"}}
    assert strict.get("nothing") is None
    with pytest.raises(TypeError):
        strict["title"] = 1  # type: ignore[index]
    made["later"] = 1
    assert strict["later"] == 1
