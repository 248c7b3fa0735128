"""Named skeletons: joint names in order, and the bones drawn between them."""

from schemas.skeletons.blazepose import BLAZEPOSE_33
from schemas.skeletons.coco import COCO_17, COCO_WHOLEBODY_133
from schemas.skeletons.openpose import OPENPOSE_18, OPENPOSE_25
from schemas.skeletons.skeleton import Skeleton

SKELETONS = {
    skeleton.name: skeleton for skeleton in (BLAZEPOSE_33, OPENPOSE_18, OPENPOSE_25, COCO_17, COCO_WHOLEBODY_133)
}
"""Skeletons by name."""

__all__ = [
    "BLAZEPOSE_33",
    "COCO_17",
    "COCO_WHOLEBODY_133",
    "OPENPOSE_18",
    "OPENPOSE_25",
    "SKELETONS",
    "Skeleton",
]
