"""What a user must be told before weights are used for the first time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.weights.cache import cache_folder
from models.weights.registry import weight_file


def first_use_notices(names: Iterable[str]) -> Iterator[str]:
    """One line for each file that was not named here before: what it is, its licence, and the terms that go with it.

    Embedded files, all of them Apache-2.0, are passed over.
    """
    for name in names:
        file = weight_file(name)
        told = cache_folder() / "licences" / f"{file.name}.told"
        if file.embedded or told.exists():
            continue
        terms = f" {file.terms}" if file.terms else ""
        yield f"{file.purpose} is used for the first time. Licence: {file.licence}.{terms}"
        told.parent.mkdir(parents=True, exist_ok=True)
        told.touch()
