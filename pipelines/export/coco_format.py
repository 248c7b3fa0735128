"""COCO: pictures, keypoints of 17 joints and run-length masks of persons, as pycocotools reads them.

images/<split>/<clip id>/<frame>.jpg    every n-th frame
annotations/<split>.json                keypoints and masks in px of the pictures
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco

from pipelines.corpus.clips import StoredClip
from pipelines.export.base import Format, Listed, Record, Unit, Written, put
from schemas.arrays import F32, U8
from schemas.errors import CorpusError
from schemas.records import Annotation, Mask
from schemas.skeletons import COCO_17
from schemas.skeletons.conversion import converted

_VISIBLE = 0.5
"""Confidence from which a joint counts as visible (2); below it is placed but hidden (1)."""
_JPEG_QUALITY = 95
_PERSON = {
    "id": 1,
    "name": "person",
    "supercategory": "person",
    "keypoints": list(COCO_17.joints),
    "skeleton": [[a + 1, b + 1] for a, b in COCO_17.bones],
}


class Coco(Format):
    """See the module."""

    name = "coco"
    about = "COCO keypoints and run-length masks over JPEG pictures"

    def write(self, unit: Unit, out: Path) -> Written:
        """The pictures of a clip; its annotations are kept for the end."""
        (item,) = unit.items
        frames_THW3, annotation = item.clip.rgb(), item.clip.annotation()
        images = []
        for frame in range(0, len(frames_THW3), self.settings.stride):
            name = f"images/{item.split}/{item.clip.clip_id}/{frame:06d}.jpg"
            put(out, name, _jpeg(frames_THW3[frame]))
            images.append(_image(name, item.clip, frame, frames_THW3[frame]) | {"persons": _persons(annotation, frame)})
        return Written(({"images": images},), tuple(image["file_name"] for image in images))

    def finish(self, listed: Sequence[Listed], splits: Sequence[str], out: Path) -> None:
        """The annotation file of each split."""
        for split in splits:
            records = [entry.record for entry in listed if entry.item.split == split]
            put(out, f"annotations/{split}.json", json.dumps(_tree(records)).encode())


def _jpeg(rgb_HW3: U8) -> bytes:
    good, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not good:
        raise CorpusError("a frame cannot be written as JPEG")
    return encoded.tobytes()


def _image(name: str, clip: StoredClip, frame: int, rgb_HW3: U8) -> Record:
    height, width = rgb_HW3.shape[:2]
    origin = {"clip_id": clip.clip_id, "frame": frame, "licence": clip.row["licence"]}
    return {"file_name": name, "width": width, "height": height} | origin


def _persons(annotation: Annotation, frame: int) -> list[Record]:
    found = []
    for number, person in enumerate(annotation.persons):
        pose = converted(person.pose, COCO_17.name)
        keypoints = _keypoints(pose.xy_TJ2[frame], pose.confidence_TJ[frame], person.mask.width, person.mask.height)
        if person.mask.area_px[frame] or any(keypoints[2::3]):
            found.append({"person": number, **_shape(person.mask, frame, keypoints), "keypoints": keypoints})
    return found


def _keypoints(xy_J2: F32, confidence_J: F32, width: int, height: int) -> list[float]:
    """x, y, v of each joint in a row; zeros for what was not found or lies outside the picture."""
    inside_J = (np.nan_to_num(xy_J2, nan=-1) >= 0).all(-1) & (np.nan_to_num(xy_J2) <= (width - 1, height - 1)).all(-1)
    v_J = np.where(inside_J & (confidence_J > 0), np.where(confidence_J >= _VISIBLE, 2, 1), 0)
    rows = ((float(x), float(y), int(v)) if v else (0.0, 0.0, 0) for (x, y), v in zip(xy_J2, v_J, strict=True))
    return [value for row in rows for value in row]


def _shape(mask: Mask, frame: int, keypoints: list[float]) -> Record:
    rle = {"size": [mask.height, mask.width], "counts": mask.rle[frame]}
    box = [float(value) for value in coco.toBbox(rle)]
    if not mask.area_px[frame]:
        known = np.array(keypoints).reshape(-1, 3)
        xy = known[known[:, 2] > 0, :2]
        box = [float(value) for value in (*xy.min(0), *(xy.max(0) - xy.min(0)))]
    return {"segmentation": rle, "area": int(mask.area_px[frame]), "bbox": box, "iscrowd": 0, "category_id": 1}


def _tree(records: Sequence[Record]) -> dict[str, Any]:
    images: list[Record] = []
    annotations: list[Record] = []
    for image_id, image in enumerate((image for record in records for image in record["images"]), 1):
        images.append({"id": image_id} | {key: value for key, value in image.items() if key != "persons"})
        annotations += _numbered(image["persons"], image_id, len(annotations) + 1)
    info = {"description": "Exported by figureground", "version": "1.0"}
    return {"info": info, "licenses": [], "images": images, "annotations": annotations, "categories": [_PERSON]}


def _numbered(persons: list[Record], image_id: int, first: int) -> Iterator[Record]:
    for number, person in enumerate(persons, first):
        seen = sum(v > 0 for v in person["keypoints"][2::3])
        yield {"id": number, "image_id": image_id, "num_keypoints": seen} | person
