"""Person masks by Segment Anything, prompted by the pose and carried through time.

Kirillov et al., "Segment Anything", 2023. Needs torch, torchvision and segment-anything.
"""

from models.annotators.segment_anything.annotator import SegmentAnything

__all__ = ["SegmentAnything"]
