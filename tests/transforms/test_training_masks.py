"""Masks looked at straight in their run lengths are what the unpacked masks show there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.annotators.rle import encode_mask
from schemas.errors import CorpusError
from transforms.training_clips.masks import sample_masks


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 4), share=st.sampled_from([0.0, 0.02, 0.5, 1.0]))
def test_every_crossing_shows_its_pixel(seed, count, share):
    rng = np.random.default_rng(seed)
    width, height = rng.integers(1, 80, 2)
    masks = rng.random((count, height, width)) < share
    masks[-1] = True
    rows, columns = (np.unique(rng.integers(0, side, 12)) for side in (height, width))
    found = sample_masks([encode_mask(mask)[0] for mask in masks], (width, height), rows, columns)
    np.testing.assert_array_equal(found.transpose(0, 2, 1), masks[:, rows][:, :, columns])


@pytest.mark.parametrize("wrong", ["", "0", "P", "1e\u00e4", "oooooooooo0", "\\Q"])
def test_run_lengths_that_do_not_fill_a_mask_are_damage(wrong):
    sound = encode_mask(np.eye(8, dtype=np.bool_))[0]
    for rle in ([wrong], [sound, wrong], [wrong, sound], [sound + wrong] if wrong else [wrong]):
        with pytest.raises(CorpusError, match="check"):
            sample_masks(rle, (8, 8), np.arange(8), np.arange(8))
