"""What can be measured: families of metrics, which are chosen by name, and the figures that each gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import ConfigError
from schemas.measures import DRIFT, PAIRS, POSE, STEADY, TRACKS, Metric


class Need(StrEnum):
    """What a metric needs besides the video."""

    NOTHING = ""
    TRUTH = "the true video"
    JOB = "the job that made it"


@dataclass(frozen=True, slots=True)
class Family:
    """Figures that are measured together. over_all: of all videos as a set, not of each."""

    name: str
    need: Need
    metrics: tuple[Metric, ...]
    over_all: bool = False


DISCO = "disco_"
_SETS = (
    Metric("fid", "0 up", "lower", "Fréchet distance of frames, Inception-v3"),
    Metric("fid_vid", "0 up", "lower", "Fréchet distance of 16 frames at a time, 3D ResNet-50"),
    Metric("fvd", "0 up", "lower", "Fréchet distance of 16 frames at a time, I3D"),
)


def _disco(metric: Metric) -> Metric:
    return Metric(DISCO + metric.name, metric.unit, metric.better, f"{metric.name} as DisCo's code has it, 256 x 256")


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *(Family(m.name, Need.TRUTH, (m,)) for m in PAIRS),
        *(Family(m.name, Need.TRUTH, (m,), over_all=True) for m in _SETS),
        Family("tracks", Need.JOB, TRACKS),
        Family("pose", Need.JOB, POSE),
        Family("drift", Need.NOTHING, DRIFT),
        Family("steady", Need.NOTHING, STEADY),
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
