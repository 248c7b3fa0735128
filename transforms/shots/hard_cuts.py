"""Hard cuts: PySceneDetect's adaptive detector, each find looked at again before it counts."""

from __future__ import annotations

from typing import Any

import cv2

from schemas.config import ShotsConfig
from transforms.shots.history import History, Look
from transforms.shots.same_scene import same_scene

_RETURN_S = 0.25
"""A picture that comes back within this time was a flash, a jolt or an insert, not a cut."""


class HardCuts:
    """Ticks at which a new shot starts from one frame to the next; each is known `delay` ticks later."""

    def __init__(self, config: ShotsConfig, fps: float) -> None:
        from transforms.shots.content_distance import FastAdaptiveDetector

        # Counting in ticks, not in PySceneDetect's time codes: the detector only subtracts and compares them.
        self._detector: Any = FastAdaptiveDetector(
            adaptive_threshold=config.adaptive_threshold, min_content_val=config.min_content, min_scene_len=1
        )
        self._reach = max(3, round(_RETURN_S * fps))
        self.delay = self._reach + self._detector.window_width + 1
        self._suspects: list[int] = []

    def push(self, look: Look, history: History) -> list[int]:
        """Look at the next frame, already in the history; ticks of cuts that are now sure."""
        self._suspects += self._detector.process_frame(look.tick, cv2.cvtColor(look.half, cv2.COLOR_YUV2BGR_I420))
        if not self._suspects or look.tick < self._suspects[0] + self._reach:
            return []
        return self._judge(self._suspects.pop(0), history)

    def finish(self, history: History) -> list[int]:
        """The end of the stream: cuts among the last frames."""
        cuts = [tick for suspect in self._suspects for tick in self._judge(suspect, history)]
        self._suspects = []
        return cuts

    def _judge(self, tick: int, history: History) -> list[int]:
        before = (history.before(tick), history.before(tick - self._reach + 1))
        after = (history.at_or_after(tick), history.at_or_after(tick + self._reach - 1))
        same = any(same_scene(a.luma, b.luma) for a in before for b in after)
        return [] if same else [tick]
