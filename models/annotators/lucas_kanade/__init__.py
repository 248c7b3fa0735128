"""Background point tracks by pyramidal Lucas-Kanade flow with a forward-backward check.

Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker", 2000; Kalal et al., "Forward-Backward
Error: Automatic Detection of Tracking Failures", 2010.
"""

from models.annotators.lucas_kanade.annotator import LucasKanade

__all__ = ["LucasKanade"]
