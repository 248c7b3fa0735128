"""HTML that cannot be broken out of: text is escaped, always; only what was built here is not."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"meta", "link", "img", "input", "br", "line", "rect", "polyline"})
_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; script-src 'self'; style-src 'self'"
"""No inline script or style, nothing from elsewhere: even markup that slipped through could do nothing."""


class Markup(str):
    """Escaped HTML."""

    __slots__ = ()


Child = str | int | float | None | Iterable["Child"]


def el(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """An element. Attributes: `class_` is class, `_` is a dash; None and False leave it out."""
    written = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written} />")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Children in a row, text escaped."""
    return Markup("".join(map(_escaped, children)))


_PAGES = (("index.html", "Overview"), ("clips.html", "Clips"))


def page(
    title: str, *body: Child, up: str = "", scripts: Iterable[str] = (), pages: Iterable[tuple[str, str]] = _PAGES
) -> bytes:
    """A whole page. up: the way from the page to the site's root, such as `../`. scripts: files of the site.

    pages: of the site, as file and name, for its menu.
    """
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        el("link", rel="stylesheet", href=f"{up}gallery.css"),
        el("link", rel="icon", href=f"{up}icon.svg"),
        *(el("script", src=f"{up}{script}", defer=True) for script in scripts),
    )
    menu = el("nav", *(el("a", name, href=f"{up}{file}") for file, name in pages), aria_label="Site")
    header = el("header", el("a", "figureground", class_="brand", href=f"{up}index.html"), menu)
    skip = el("a", "Skip to content", class_="skip", href="#main")
    content = el("main", *body, id="main", tabindex=-1)
    return f"<!doctype html>\n{el('html', head, el('body', skip, header, content), lang='en')}\n".encode()


def table(head: Iterable[Child], rows: Iterable[Iterable[Child]], caption: str) -> Markup:
    """A table in a box that scrolls sideways where the screen is narrow. First cells name their rows."""
    top = el("thead", el("tr", *(el("th", name, scope="col") for name in head)))
    body = el("tbody", *(el("tr", *_cells(row)) for row in rows))
    whole = el("table", el("caption", caption), top, body)
    return el("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cells(row: Iterable[Child]) -> list[Markup]:
    first, *others = row
    return [el("th", first, scope="row"), *(el("td", cell) for cell in others)]


def number(value: float | None) -> str:
    """Three significant digits."""
    return "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _attribute(name: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _escaped(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, (str, int, float)):
        return escape(str(child))
    return join(child)
