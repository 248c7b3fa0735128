"""A set of eight bytes a name says what a set of strings says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.corpus.id_set import IdSet


@given(st.lists(st.text()), st.lists(st.text()))
def test_it_holds_what_was_put_in_and_nothing_else(names: list[str], others: list[str]) -> None:
    ids = IdSet(names)
    assert len(ids) == len(set(names))
    assert all(name in ids for name in names)
    assert [name in ids for name in others] == [name in set(names) for name in others]


def test_names_that_no_text_encoding_allows_are_names_too() -> None:
    ids = IdSet(["/videos/\udcff.mp4"])
    assert "/videos/\udcff.mp4" in ids
    assert "/videos/\udcfe.mp4" not in ids
