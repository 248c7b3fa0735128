"""The page of kept clips; what it shows is chosen in the browser, see static/clips.js."""

from __future__ import annotations

from pipelines.gallery.markup import Child, el, page


def clips_page(title: str) -> bytes:
    """clips.html."""
    directions = (el("option", "rising", value="up"), el("option", "falling", value="down"))
    controls = el(
        "form",
        _field("Sort by", el("select", name="sort")),
        _field("Order", el("select", *directions, name="order")),
        _field("Camera", el("select", name="camera")),
        _field("Score", el("select", name="score")),
        _field("from", el("input", name="from", type="number", step="any")),
        _field("to", el("input", name="to", type="number", step="any")),
        _field("Clip or source", el("input", name="find", type="search")),
        el("button", "Reset", type="reset"),
        id="controls",
        class_="controls",
    )
    pager = el(
        "p",
        el("button", "Previous", id="previous", type="button"),
        el("span", id="status", role="status"),
        el("button", "Next", id="next", type="button"),
        class_="pager",
    )
    return page(
        f"Clips of {title} · figureground",
        el("h1", f"Clips of {title}"),
        el(
            "noscript", el("p", "Sorting and filtering need JavaScript; the page of each clip lies in the folder clip.")
        ),
        controls,
        pager,
        el("ul", id="grid", class_="grid"),
        scripts=("clips-data.js", "clips.js"),
    )


def _field(name: str, control: Child) -> Child:
    return el("label", name, control)
