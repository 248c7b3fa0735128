"""Background point tracks by CoTracker3. Its code and weights are not for commercial use (CC-BY-NC-4.0).

Karaev et al., "CoTracker3: Simpler and Better Point Tracking by Pseudo-Labelling Real Videos", 2024.
"""

from models.annotators.cotracker.annotator import CoTracker3

__all__ = ["CoTracker3"]
