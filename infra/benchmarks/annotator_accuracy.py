"""Accuracy of the embedded annotators, and what it costs.

python -m infra.benchmarks.annotator_accuracy tracks TRUTH    each tracker, against a synthesized corpus
python -m infra.benchmarks.annotator_accuracy people TRUTH [CLIPS]    poses and masks, against the same
python -m infra.benchmarks.annotator_accuracy cameras         poses on real footage, against themselves: joints
                                                              triangulated over four calibrated cameras
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from xml.etree import ElementTree

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

TRACKERS = ("lucas_kanade", "dense_flow", "recovering")
PEOPLE = (("blazepose", "blazepose"), ("blazepose", "selfie"))
PACKAGE = ("pose2sim", "0.10.49")
DEMO = "Pose2Sim/Demo_SinglePerson"
CAMERAS = ("cam01", "cam02", "cam03", "cam04")
STEP = 2
SHORT_SIDE = 512
SURE = 0.5


def tracks(corpus: str) -> None:
    from pipelines.evaluate_annotators import evaluate_annotators, render_evaluation
    from schemas.config import Config, TracksConfig

    for name in TRACKERS:
        config = Config(recipe="everything", tracks=TracksConfig(annotator=name))
        result = evaluate_annotators(corpus, config, ("tracks",), None, lambda done, total: None)
        show(render_evaluation(result))
        print(f"{name}: {result.ms_per_point_frame:.4f} CPU ms a point and frame\n", flush=True)


def people(corpus: str, clips: int) -> None:
    from pipelines.evaluate_annotators import evaluate_annotators, render_evaluation
    from schemas.config import Config, MasksConfig, PoseConfig

    for pose, masks in PEOPLE:
        config = Config(recipe="everything", pose=PoseConfig(annotator=pose), masks=MasksConfig(annotator=masks))
        result = evaluate_annotators(corpus, config, ("poses", "masks"), None, lambda done, total: None, clips)
        show(render_evaluation(result))
        print(f"poses {pose}, masks {masks}; CPU ms a frame: {result.ms_per_frame}\n", flush=True)


def cameras() -> None:
    """Reprojection error of the main person's sure joints, each triangulated from all cameras that are sure of it."""
    from models.annotators.blazepose import BlazePose
    from models.weights.wheels import wheel_members
    from schemas.config import PoseConfig
    from schemas.skeletons import BLAZEPOSE_33
    from tests.models.footage import load
    from transforms.accuracy.poses import torso_lengths

    videos = {camera: f"{DEMO}/videos/{camera}.mp4" for camera in CAMERAS}
    calibration = f"{DEMO}/calibration/Calib.qca.txt"
    files = wheel_members(*PACKAGE, [*videos.values(), calibration])
    lenses = read_calibration(files[calibration])
    pose = BlazePose(PoseConfig(max_persons=1), threads=1)
    xy, sure, torso, maps = [], [], [], []
    for camera, member in videos.items():
        frames = load(files[member], count=1000, step=STEP, short_side=SHORT_SIDE)
        found = pose.annotate(frames)[0].pose
        scale = frames.width / lenses[camera].width
        maps.append(lenses[camera].scaled(scale))
        xy.append(found.xy_TJ2)
        sure.append(found.confidence_TJ >= SURE)
        torso.append(torso_lengths(found))
    seen_CTJ = np.stack(sure)
    error_CTJ = reprojection_errors(maps, np.stack(xy), seen_CTJ)
    share_CTJ = error_CTJ / np.stack(torso)[..., None]
    limbs = BLAZEPOSE_33.indices(
        *(f"{side}_{j}" for j in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right"))
    )
    for camera, errors in zip(CAMERAS, error_CTJ[..., limbs], strict=True):
        print(f"{camera}: median {np.nanmedian(errors):.1f} px over the limb joints")
    for name, joints in (("all 33 joints", list(range(33))), ("the 12 limb joints", limbs)):
        errors, shares = error_CTJ[..., joints], share_CTJ[..., joints]
        known = np.isfinite(errors)
        low, high = np.percentile(errors[known], [50, 90])
        share = np.percentile(shares[known & np.isfinite(shares)], [50, 90])
        measured = known.sum() / seen_CTJ[..., joints].size
        print(
            f"{name}: median {low:.1f} px, 90 % {high:.1f} px of a picture {SHORT_SIDE} px wide; "
            f"{share[0]:.3f} and {share[1]:.3f} of the torso; {100 * measured:.0f} % of joints measured"
        )


class Lens:
    """A calibrated camera. matrix: 3x3; bends: k1, k2, p1, p2; pose: 3x4, world to camera."""

    def __init__(self, matrix: np.ndarray, bends: np.ndarray, pose: np.ndarray, width: float) -> None:
        self.matrix, self.bends, self.pose, self.width = matrix, bends, pose, width

    def scaled(self, factor: float) -> Lens:
        return Lens(np.diag([factor, factor, 1]) @ self.matrix, self.bends, self.pose, self.width * factor)

    def straightened(self, xy: np.ndarray) -> np.ndarray:
        """Places of a lens without distortion, same matrix."""
        import cv2

        flat = np.nan_to_num(xy).reshape(-1, 1, 2).astype(np.float64)
        return cv2.undistortPoints(flat, self.matrix, self.bends, P=self.matrix).reshape(xy.shape)


def read_calibration(path: Path) -> dict[str, Lens]:
    """Qualisys' format: lengths in mm, pixels in 1/64, cameras that look along their negative axis."""
    root = ElementTree.parse(path).getroot()
    lenses = {}
    for camera in root.iter("camera"):
        inner, outer, field = (camera.find(name) for name in ("intrinsic", "transform", "fov_video"))
        assert inner is not None and outer is not None and field is not None

        def pixels(name: str, inner: ElementTree.Element = inner) -> float:
            return float(inner.attrib[name]) / 64

        matrix = np.array(
            [
                [pixels("focalLengthU"), 0, pixels("centerPointU")],
                [0, pixels("focalLengthV"), pixels("centerPointV")],
                [0, 0, 1],
            ]
        )
        bends = np.array(
            [
                pixels(n)
                for n in ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2")
            ]
        )
        turn = np.array([[float(outer.attrib[f"r{i}{j}"]) for j in (1, 2, 3)] for i in (1, 2, 3)])
        place = np.array([float(outer.attrib[axis]) for axis in "xyz"]) / 1000
        flip = np.diag([1.0, -1.0, -1.0])
        pose = flip @ np.column_stack([turn, -turn @ place])
        width = float(field.attrib["right"]) + 1
        lenses[camera.attrib["serial"]] = Lens(matrix, bends, pose, width)
    return lenses


def reprojection_errors(lenses: list[Lens], xy_CTJ2: np.ndarray, seen_CTJ: np.ndarray) -> np.ndarray:
    """(C, T, J) px; NaN where fewer than three cameras are sure of the joint, or this one is not."""
    flat = np.stack([lens.straightened(xy) for lens, xy in zip(lenses, xy_CTJ2, strict=True)])
    projections = np.stack([lens.matrix @ lens.pose for lens in lenses])
    errors = np.full(seen_CTJ.shape, np.nan)
    for t, j in zip(*np.nonzero(seen_CTJ.sum(0) >= 3), strict=True):
        using = np.flatnonzero(seen_CTJ[:, t, j])
        rows = []
        for camera in using:
            p = projections[camera]
            x, y = flat[camera, t, j]
            rows += [x * p[2] - p[0], y * p[2] - p[1]]
        rows = [row / np.linalg.norm(row) for row in rows]
        point = np.linalg.svd(np.array(rows))[2][-1]
        for camera in using:
            seen = projections[camera] @ point
            errors[camera, t, j] = np.linalg.norm(seen[:2] / seen[2] - flat[camera, t, j])
    return errors


def show(table: object) -> None:
    from rich.console import Console

    Console(width=140).print(table)


def main() -> None:
    import cv2

    cv2.setNumThreads(1)
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    what, *rest = sys.argv[1:]
    if what == "tracks":
        tracks(rest[0])
    elif what == "people":
        people(rest[0], int(rest[1]) if len(rest) > 1 else 20)
    else:
        cameras()


if __name__ == "__main__":
    main()
