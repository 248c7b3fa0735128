"""Where to start points: the best corner of every cell of a grid that has none, outside the persons."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from schemas.arrays import F32, U8, Bool

_LEAST_CORNER = 2e-5
"""Least eigenvalue of the gradient's second moments (OpenCV's scale) that counts as texture."""
_BLOCK = 5
_CELL_MARGIN = 0.125
"""Corners this close to a cell's edge, over its side, are left out, so that neighbours keep apart."""


@dataclass(frozen=True, slots=True)
class Grid:
    """About `points` nearly square cells over a picture of height x width px."""

    rows: int
    columns: int
    height: int
    width: int

    @classmethod
    def over(cls, points: int, height: int, width: int) -> Grid:
        """As many cells as fit, at most `points`, each at least 4 px wide."""
        columns = int(np.clip(np.sqrt(points * width / height), 1, max(1, width // 4)))
        rows = int(np.clip(points // columns, 1, max(1, height // 4)))
        return cls(rows, columns, height, width)

    def new_points(self, luma_HW: U8, blocked_HW: Bool, xy_N2: F32, most: int) -> F32:
        """(K, 2) corners in cells that hold none of the points `xy_N2`, at most `most`, the best ones.

        blocked_HW: where no point may start.
        """
        quality = cv2.cornerMinEigenVal(luma_HW, _BLOCK)
        quality[blocked_HW] = 0
        cell_h, cell_w = self.height // self.rows, self.width // self.columns
        top, left = (self.height - cell_h * self.rows) // 2, (self.width - cell_w * self.columns) // 2
        inner = quality[top : top + cell_h * self.rows, left : left + cell_w * self.columns]
        cells = inner.reshape(self.rows, cell_h, self.columns, cell_w).transpose(0, 2, 1, 3).copy()
        border_h, border_w = int(_CELL_MARGIN * cell_h), int(_CELL_MARGIN * cell_w)
        cells[:, :, :border_h] = cells[:, :, cell_h - border_h :] = 0
        cells[..., :border_w] = cells[..., cell_w - border_w :] = 0
        flat = cells.reshape(self.rows * self.columns, -1)
        flat[self._cells_of(xy_N2, top, left, cell_h, cell_w)] = 0
        best = flat.max(1)
        chosen = np.argsort(-best, kind="stable")[:most]
        chosen = chosen[best[chosen] > _LEAST_CORNER]
        row, column = np.divmod(flat[chosen].argmax(1), cell_w)
        x = left + chosen % self.columns * cell_w + column
        y = top + chosen // self.columns * cell_h + row
        return np.stack([x, y], axis=1).astype(np.float32)

    def _cells_of(self, xy_N2: F32, top: int, left: int, cell_h: int, cell_w: int) -> np.ndarray:
        column = np.clip((xy_N2[:, 0] - left) // cell_w, 0, self.columns - 1)
        row = np.clip((xy_N2[:, 1] - top) // cell_h, 0, self.rows - 1)
        return np.asarray(row * self.columns + column, np.int64)
