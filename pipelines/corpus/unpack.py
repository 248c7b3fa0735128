"""Table rows as records again: the inverse of `rows`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.corpus.rows import Row
from schemas.records import Annotator, Mask, Media, Pose, Tracks
from schemas.tables import CONFIDENCE_SCALE, COORDINATE_SCALE


def pose_of(row: Row) -> Pose:
    """A `poses` row, with NaN where the person or the joint was not found."""
    shape = (row["joints"], row["frames"])
    present_T = np.asarray(row["present"], np.bool_)
    xy_TJ2 = _places(row, shape).transpose(1, 0, 2).copy()
    confidence_TJ = _plane(row["confidence"], shape).T / np.float32(CONFIDENCE_SCALE)
    xy_TJ2[~present_T] = np.nan
    xy_TJ2[(confidence_TJ == 0) & (xy_TJ2 == 0).all(-1)] = np.nan
    return Pose(xy_TJ2, confidence_TJ, present_T, row["skeleton"])


def mask_of(row: Row) -> Mask:
    """A `masks` row."""
    return Mask(tuple(row["rle"]), tuple(map(int, row["area_px"])), row["width"], row["height"])


def tracks_of(row: Row) -> Tracks:
    """A `tracks` row."""
    shape = (row["points"], row["frames"])
    return Tracks(
        _places(row, shape),
        np.asarray(row["visible"], np.bool_).reshape(shape),
        np.asarray(row["on_person"], np.bool_).reshape(shape),
        np.asarray(row["query_frame"], np.int32),
    )


def media_of(row: Row) -> Media:
    """A `media` row."""
    return Media(
        video=row["video"],
        codec=row["codec"],
        container=row["container"],
        width=row["width"],
        height=row["height"],
        fps=Fraction(row["frame_rate"]),
        frames=row["frames"],
        sha256=row["sha256"],
    )


def annotator_of(row: Row) -> Annotator:
    """Who made an annotation row."""
    return Annotator(row["annotator"], row["weights_sha256"])


def rows_of(table: pa.Table) -> list[Row]:
    """Rows with lists of numbers as NumPy arrays, which is far quicker than Python lists."""
    columns = {name: _cells(table.column(name)) for name in table.column_names}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _cells(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_list(column.type) and not pa.types.is_string(column.type.value_type):
        return [
            None if cell is None else np.asarray(cell.values.to_numpy(zero_copy_only=False))
            for cell in (scalar if scalar.is_valid else None for scalar in column)
        ]
    values: list[Any] = column.to_pylist()
    return values


def _places(row: Row, shape: tuple[int, int]) -> NDArray[np.float32]:
    """(*shape, 2) places in px, which are exact."""
    places = np.empty((*shape, 2), np.float32)
    for axis, name in enumerate(("x", "y")):
        np.multiply(_plane(row[name], shape), np.float32(1 / COORDINATE_SCALE), out=places[..., axis])
    return places


def _plane(values: Any, shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32).reshape(shape)
