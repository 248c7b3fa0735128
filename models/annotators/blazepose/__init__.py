"""BlazePose: person detector, 33 landmarks and a mask per person, followed over a clip.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", 2020; weights of MediaPipe 0.10.21.
"""

from models.annotators.blazepose.annotator import BlazePose

__all__ = ["BlazePose"]
