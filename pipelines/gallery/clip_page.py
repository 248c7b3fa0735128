"""A page per kept clip: overlay, where it lies in its source, scores against their rules, timelines."""

from __future__ import annotations

import numpy as np

from pipelines.corpus.clips import StoredClip
from pipelines.corpus.read import Corpus
from pipelines.gallery.charts import rule_in_words, timeline
from pipelines.gallery.markup import Child, Markup, el, number, page, table
from schemas.records import Annotation, Annotator
from schemas.scores import SCORE_NAMES


def clip_page(
    corpus: Corpus, clip: StoredClip, annotation: Annotation, uri: str, before: str | None, after: str | None
) -> bytes:
    """clip/<id>.html. before, after: the neighbours' ids."""
    row, clip_id = clip.row, clip.clip_id
    video = el(
        "video",
        src=f"../video/{clip_id}.mp4",
        poster=f"../poster/{clip_id}.jpg",
        controls=True,
        loop=True,
        muted=True,
        playsinline=True,
        preload="metadata",
        aria_label=f"Clip {clip_id} with its annotations drawn in",
        data_frames=row["frames"],
    )
    rows = (
        ("source", el("code", uri)),
        ("span", f"{row['start_s']:.3f} to {row['end_s']:.3f} s, frames {row['start_frame']} to {row['end_frame']}"),
        ("stored", f"{row['width']} x {row['height']}, {row['frames']} frames at {number(row['fps'])} per second"),
        ("camera", row["camera"]),
        ("annotators", ", ".join(a.name for a in _annotators(annotation))),
    )
    return page(
        f"{clip_id} · figureground",
        el("p", _link("Previous", before), _link("Next", after), class_="pager"),
        el("h1", clip_id),
        el("div", video, el("div", *_timelines(clip, annotation), class_="timelines"), class_="clip"),
        el("h2", "Where it is from"),
        table(("fact", "value"), rows, "Source and stored clip"),
        el("h2", "Scores"),
        table(("score", "value", "rule"), _scores(corpus, clip), "Scores and the rules of the recipe"),
        up="../",
        scripts=("clip.js",),
    )


def _annotators(annotation: Annotation) -> list[Annotator]:
    return [annotation.pose_annotator, annotation.mask_annotator, annotation.track_annotator]


def _link(words: str, clip_id: str | None) -> Child:
    return el("a", words, href=f"{clip_id}.html", rel="prev" if words == "Previous" else "next") if clip_id else ""


def _scores(corpus: Corpus, clip: StoredClip) -> list[tuple[Child, ...]]:
    limits = corpus.config.screening
    return [
        (name, number(clip.row[name]), rule_in_words(limits.get(name)).removeprefix("rule: ")) for name in SCORE_NAMES
    ]


def _timelines(clip: StoredClip, annotation: Annotation) -> list[Markup]:
    area = float(clip.row["width"] * clip.row["height"])
    sure = [person.pose.confidence_TJ.mean(1).astype(np.float64) for person in annotation.persons]
    covered = [np.array(person.mask.area_px, np.float64) / area for person in annotation.persons]
    tracks = annotation.tracks
    seen = (tracks.visible_NT & ~tracks.on_person_NT).sum(0).astype(np.float64)
    most = max((float(values.max()) for values in covered), default=0.0)
    rows = (
        ("Pose: mean confidence of the joints", sure, 1.0),
        ("Mask: share of the picture", covered, most),
        ("Points seen on the ground", [seen], float(seen.max(initial=0.0))),
    )
    return [
        el("figure", el("figcaption", name, el("small", f" up to {number(top)}")), timeline(name, series, top))
        for name, series, top in rows
        if series
    ]
