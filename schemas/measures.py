"""What is measured of a rendered video: the figures by name, and columns of the table `renders`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. better: `lower`, `higher`, or '' where it is a level to read another one by."""

    name: str
    unit: str
    better: str
    says: str


PAIRS = (
    Metric("l1", "0..1", "lower", "mean absolute difference"),
    Metric("psnr", "dB", "higher", "peak signal over noise, mean over frames"),
    Metric("ssim", "up to 1", "higher", "structural similarity of the grey frames"),
    Metric("lpips", "0 up", "lower", "perceptual distance, VGG-16"),
)
TRACKS = (
    Metric("track_error", "px of 256", "lower", "where the ground's points are, from where the tracks say"),
    Metric("track_still", "px of 256", "", "the same of ground that stands still"),
    Metric("track_ratio", "1 = still", "lower", "track_error over track_still; none where the tracks hardly move"),
)
POSE = (
    Metric("pose_error", "torsos", "lower", "where the joints are, from where the pose says"),
    Metric("pck_10", "0..1", "higher", "share of joints within 0.1 of the torso"),
    Metric("pck_20", "0..1", "higher", "share of joints within 0.2 of the torso"),
    Metric("pose_found", "0..1", "higher", "share of frames in which the person is found"),
)
DRIFT = (
    Metric("colour_drift", "ΔE a clip", "lower", "how fast the mean colour leaves that of the first clip"),
    Metric("person_colour_drift", "ΔE a clip", "lower", "the same of the person alone"),
    Metric("identity_drift", "0..1 a clip", "lower", "how fast the person's histogram of colours leaves the first's"),
)
STEADY = (
    Metric("warp_error", "0..1", "lower", "change from frame to frame that no motion explains"),
    Metric("warp_error_true", "0..1", "", "the same of the true video"),
)
OF_A_VIDEO = (*PAIRS, *TRACKS, *POSE, *DRIFT, *STEADY)
"""All that belong to one video."""
