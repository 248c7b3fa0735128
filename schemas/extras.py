"""What to install where a module is missing that comes with an extra of this package."""

from __future__ import annotations

import re

_PACKAGE = "figureground"
_NAMED_OTHERWISE = {
    "cv2": "opencv-python-headless",
    "rerun": "rerun-sdk",
    "scenedetect": "scenedetect-headless",
}
"""Modules whose distribution has another name than theirs, but for dashes."""
_OF_AN_EXTRA = re.compile(r"""^(?P<distribution>[\w.-]+).*\bextra\s*==\s*['"](?P<extra>\w+)['"]""")


def needs(what: str, *modules: str | None, wanted: str = "") -> str:
    """`export coco needs cv2: pip install 'figureground[curate]'`.

    modules: those that are missing, as a ModuleNotFoundError names them. wanted: the extra to name where several have
    the first of them.
    """
    names = " and ".join(module or "a module" for module in modules)
    extras = extras_of(modules[0] or "")
    if not extras:
        return f"{what} needs {names}, which is not installed"
    return f"{what} needs {names}: pip install '{_PACKAGE}[{wanted if wanted in extras else extras[0]}]'"


def extras_of(module: str) -> list[str]:
    """Extras that bring a module, by the metadata of this installation; none if it needs no extra, or is unknown."""
    from importlib.metadata import PackageNotFoundError, requires

    name = module.partition(".")[0]
    distribution = _NAMED_OTHERWISE.get(name, name.replace("_", "-"))
    try:
        matches = map(_OF_AN_EXTRA.match, requires(_PACKAGE) or ())
    except PackageNotFoundError:
        return []
    return [found["extra"] for found in matches if found and found["distribution"].lower() == distribution]
