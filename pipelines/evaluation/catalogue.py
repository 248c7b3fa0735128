"""What can be measured: families of metrics, which are chosen by name, and the figures that each gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import ConfigError


class Need(StrEnum):
    """What a metric needs besides the video."""

    NOTHING = ""
    TRUTH = "the true video"
    JOB = "the job that made it"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. better: `lower`, `higher`, or '' where it is a level to read another one by."""

    name: str
    unit: str
    better: str
    says: str


@dataclass(frozen=True, slots=True)
class Family:
    """Figures that are measured together. over_all: of all videos as a set, not of each."""

    name: str
    need: Need
    metrics: tuple[Metric, ...]
    over_all: bool = False


DISCO = "disco_"
_PAIRS = (
    Metric("l1", "0..1", "lower", "mean absolute difference"),
    Metric("psnr", "dB", "higher", "peak signal over noise, mean over frames"),
    Metric("ssim", "up to 1", "higher", "structural similarity of the grey frames"),
    Metric("lpips", "0 up", "lower", "perceptual distance, VGG-16"),
)
_SETS = (
    Metric("fid", "0 up", "lower", "Fréchet distance of frames, Inception-v3"),
    Metric("fid_vid", "0 up", "lower", "Fréchet distance of 16 frames at a time, 3D ResNet-50"),
    Metric("fvd", "0 up", "lower", "Fréchet distance of 16 frames at a time, I3D"),
)
_TRACKS = (
    Metric("track_error", "px of 256", "lower", "where the ground's points are, from where the tracks say"),
    Metric("track_still", "px of 256", "", "the same of ground that stands still"),
    Metric("track_ratio", "1 = still", "lower", "track_error over track_still; none where the tracks hardly move"),
)
_POSE = (
    Metric("pose_error", "torsos", "lower", "where the joints are, from where the pose says"),
    Metric("pck_10", "0..1", "higher", "share of joints within 0.1 of the torso"),
    Metric("pck_20", "0..1", "higher", "share of joints within 0.2 of the torso"),
    Metric("pose_found", "0..1", "higher", "share of frames in which the person is found"),
)
_DRIFT = (
    Metric("colour_drift", "ΔE a clip", "lower", "how fast the mean colour leaves that of the first clip"),
    Metric("person_colour_drift", "ΔE a clip", "lower", "the same of the person alone"),
    Metric("identity_drift", "0..1 a clip", "lower", "how fast the person's histogram of colours leaves the first's"),
)
_STEADY = (
    Metric("warp_error", "0..1", "lower", "change from frame to frame that no motion explains"),
    Metric("warp_error_true", "0..1", "", "the same of the true video"),
)


def _disco(metric: Metric) -> Metric:
    return Metric(DISCO + metric.name, metric.unit, metric.better, f"{metric.name} as DisCo's code has it, 256 x 256")


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *(Family(m.name, Need.TRUTH, (m,)) for m in _PAIRS),
        *(Family(m.name, Need.TRUTH, (m,), over_all=True) for m in _SETS),
        Family("tracks", Need.JOB, _TRACKS),
        Family("pose", Need.JOB, _POSE),
        Family("drift", Need.NOTHING, _DRIFT),
        Family("steady", Need.NOTHING, _STEADY),
    )
}
"""By name, as `--metrics` takes them."""


def families(names: Iterable[str], *, disco: bool) -> tuple[Family, ...]:
    """Those of the names, all without a name; disco: each that compares with the truth also as DisCo's code does.

    Raises ConfigError for a name that is none.
    """
    asked = tuple(dict.fromkeys(names)) or tuple(FAMILIES)
    for name in asked:
        if name not in FAMILIES:
            raise ConfigError(f"no metric named {name!r}; there are {', '.join(FAMILIES)}")
    plain = tuple(FAMILIES[name] for name in asked)
    if not disco:
        return plain
    return plain + tuple(
        Family(DISCO + f.name, f.need, tuple(map(_disco, f.metrics)), f.over_all) for f in plain if f.need == Need.TRUTH
    )


def network_of(family: Family) -> str:
    """Name of the metric whose network it looks through; it may need none."""
    return family.name.removeprefix(DISCO)
