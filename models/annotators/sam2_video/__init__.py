"""Person masks by SAM 2, which remembers what it masked in the frames before. Needs torch, torchvision, transformers.

Ravi et al., "SAM 2: Segment Anything in Images and Videos", 2024.
"""

from models.annotators.sam2_video.annotator import Sam2Video

__all__ = ["Sam2Video"]
