"""The main job on real footage anybody may use, from download to pictures, in one call."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from pipelines.footage import fetch_footage
from schemas.arrays import U8
from schemas.config import Config
from schemas.config_loading import load_config

DEMO_LICENCE = "BSD-3-Clause"
DEMO_LEAST_S = 1.5
"""Shortest clip that is kept: some takes of the footage are hardly longer."""
_FOLLOWED = slice(60, 162)
_WINDOW_WIDTH, _WINDOW_HEIGHT = 704, 736

QUERIES: tuple[tuple[str, str], ...] = (
    (
        "Which clips were kept, and what moves in them?",
        """
        SELECT clip_id, round(duration_s, 1) AS seconds, round(person_area_mean, 3) AS person_area,
               round(person_motion, 2) AS person_motion, round(background_motion, 3) AS background_motion, camera
        FROM clips WHERE kept ORDER BY background_motion DESC""",
    ),
    (
        "How fast is the right wrist? (median and 95th percentile, frame heights a second)",
        """
        WITH steps AS (
            SELECT clip_id, x - lag(x) OVER path AS dx, y - lag(y) OVER path AS dy,
                   frame - lag(frame) OVER path AS frames
            FROM keypoints WHERE joint = 'right_wrist' AND person = 0 AND confidence > 0.5
            WINDOW path AS (PARTITION BY clip_id ORDER BY frame))
        SELECT clip_id, round(median(speed), 2) AS median, round(quantile_cont(speed, 0.95), 2) AS fast
        FROM (SELECT clip_id, sqrt(dx * dx + dy * dy) / frames * fps / height AS speed
              FROM steps JOIN (SELECT clip_id, fps, height FROM clips) USING (clip_id))
        GROUP BY clip_id ORDER BY fast DESC""",
    ),
    (
        "How far does the ground travel? (median over the points seen for more than a second, in pixels)",
        """
        SELECT clip_id, count(*) AS points, round(median(sqrt(dx * dx + dy * dy)), 1) AS travel_px
        FROM (SELECT clip_id, point, arg_max(x, frame) - arg_min(x, frame) AS dx,
                     arg_max(y, frame) - arg_min(y, frame) AS dy
              FROM points JOIN clips USING (clip_id)
              WHERE visible AND NOT on_person GROUP BY clip_id, point HAVING count(*) > any_value(fps))
        GROUP BY clip_id ORDER BY travel_px DESC""",
    ),
)


def demo_config() -> Config:
    """The default recipe, with room for the short takes of the demo footage."""
    return load_config(settings=(f"clips.min_s={DEMO_LEAST_S}",))


def demo_sources(folder: Path) -> list[str]:
    """The footage, and a piece of the first once more as a moving camera would show it; as input paths."""
    paths = fetch_footage()
    folder.mkdir(parents=True, exist_ok=True)
    return [str(path.absolute()) for path in (*paths, follow_walker(paths[0], folder / "follow.mp4"))]


def follow_walker(source: Path, target: Path) -> Path:
    """Write what a window shows that moves from right to left over a video at a steady speed, with the walker in it.

    The ground of the footage is still, so in the result it moves by exactly the window's speed. Written once.
    """
    if target.exists():
        return target
    partial = target.with_suffix(".part.mp4")
    with av.open(str(source)) as container, av.open(str(partial), "w") as output:
        video = container.streams.video[0]
        stream = output.add_stream("libx264", rate=video.average_rate, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = _WINDOW_WIDTH, _WINDOW_HEIGHT, "yuv420p"
        for index, picture in enumerate(container.decode(video)):
            if _FOLLOWED.start <= index < _FOLLOWED.stop:
                window = _window(np.asarray(picture.to_ndarray(format="rgb24"), np.uint8), index - _FOLLOWED.start)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(window, format="rgb24")))
        output.mux(stream.encode(None))
    return partial.rename(target)


def _window(rgb_HW3: U8, step: int) -> U8:
    start = int(rgb_HW3.shape[1] * 0.58)
    left = start - step * start // (_FOLLOWED.stop - _FOLLOWED.start)
    top = rgb_HW3.shape[0] - _WINDOW_HEIGHT
    return np.ascontiguousarray(rgb_HW3[top:, left : left + _WINDOW_WIDTH])
