"""Masked PSNR as a mean over scenes with its standard error, and what one way of making them gains over another."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


def mean_and_error(values_BT: Tensor) -> tuple[float, float]:
    """Mean of all that is known, and its standard error over scenes; NaN with fewer than two scenes.

    Scenes are drawn, frames of one are not: it is the ratio of the scenes' sums to their counts of known frames
    (Cochran, Sampling Techniques, chapter 6).
    """
    known_BT = ~values_BT.isnan()
    sums_B, counts_B = values_BT.double().nansum(1), known_BT.sum(1)
    sums_B, counts_B = sums_B[counts_B > 0], counts_B[counts_B > 0]
    scenes, mean = len(sums_B), float(sums_B.sum() / counts_B.sum())
    if scenes < 2:
        return mean, float("nan")
    off_B = sums_B - mean * counts_B
    return mean, float((scenes / (scenes - 1) * off_B.square().sum()).sqrt() / counts_B.sum())


@dataclass(frozen=True)
class Decibels:
    """(B, T) masked PSNR of figure, ground and newly seen ground, in dB; NaN where there is none of it."""

    figure_BT: Tensor
    ground_BT: Tensor
    fresh_BT: Tensor

    @property
    def figure(self) -> float:
        """Mean over scenes and frames."""
        return mean_and_error(self.figure_BT)[0]

    @property
    def ground(self) -> float:
        """Mean over scenes and frames."""
        return mean_and_error(self.ground_BT)[0]

    @property
    def fresh(self) -> float:
        """Mean over scenes and frames."""
        return mean_and_error(self.fresh_BT)[0]

    @classmethod
    def heading(cls) -> str:
        """Column names, in the widths of `line`."""
        return "figure        ground        newly seen  "

    def line(self) -> str:
        """Means, each with its standard error."""
        return "  ".join(f"{mean:6.2f} ±{error:4.2f}" for mean, error in self.estimates().values())

    def estimates(self) -> dict[str, tuple[float, float]]:
        """Mean and standard error, by name."""
        parts = {"figure": self.figure_BT, "ground": self.ground_BT, "fresh": self.fresh_BT}
        return {name: mean_and_error(values_BT) for name, values_BT in parts.items()}


def gain(made: Decibels, over: Decibels) -> str:
    """By how much the same scenes are better, with the standard error of the differences."""
    pairs = zip(
        (made.figure_BT, made.ground_BT, made.fresh_BT), (over.figure_BT, over.ground_BT, over.fresh_BT), strict=True
    )
    estimates = (mean_and_error(ours - theirs) for ours, theirs in pairs)
    return "  ".join(f"{mean:+6.2f} ±{error:4.2f}" for mean, error in estimates)
