"""Marks what takes long: Beam's processes take seconds to start, in every run of an engine."""

from __future__ import annotations

import pytest

from tests.conformance.engines import SLOW

QUICK_ON_BEAM = ("last_byte", "counts_are_the_same", "finished_by_another", "two_drivers")
"""What `make test` shows of Beam; tests/pipelines/test_beam_engine.py has its own poison."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        callspec = getattr(item, "callspec", None)
        names = {value for value in callspec.params.values() if isinstance(value, str)} if callspec else set()
        if names & set(SLOW) or ("beam" in names and not any(words in item.name for words in QUICK_ON_BEAM)):
            item.add_marker(pytest.mark.slow)
