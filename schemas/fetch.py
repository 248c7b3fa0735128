"""How sources are downloaded. Shapes no corpus, so a corpus begun with one setting may be continued with another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from schemas.config import _Section

KeepSources = Literal["none", "until-done", "always"]
"""none: gone once its worker is through. until-done: gone once its verdict is committed, unless it failed."""


@dataclass(frozen=True)
class FetchConfig(_Section):
    """Limits of the downloads of a run. A download that breaks one ends with a reason, the others go on."""

    concurrency: Annotated[int, Ge(1), Le(256), "Downloads at a time."] = 16
    per_host: Annotated[int, Ge(1), Le(256), "Downloads from one host at a time."] = 4
    per_host_rate: Annotated[float | None, Gt(0), "Requests begun per second and host, at most; None: no limit."] = None
    attempts: Annotated[int, Ge(1), Le(100), "Tries of one source while its host fails or cannot be reached."] = 5
    wait_s: Annotated[float, Gt(0), "First pause between tries; later ones double, with jitter, up to a minute."] = 0.5
    max_retry_after_s: Annotated[float, Gt(0), "A host that asks for a longer pause is not waited for."] = 120.0
    connect_s: Annotated[float, Gt(0), "Seconds until a connection stands."] = 10.0
    idle_s: Annotated[float, Gt(0), "Seconds without a byte from the host."] = 30.0
    deadline_s: Annotated[float, Gt(0), "Seconds one source may take, all tries and pauses included."] = 21_600.0
    min_bytes_per_s: Annotated[float, Ge(0), "Slower downloads, over `min_speed_window_s`, are given up."] = 10_000.0
    min_speed_window_s: Annotated[float, Gt(0), "Span over which the speed is measured."] = 30.0
    max_bytes: Annotated[int, Ge(1), "Larger sources are not downloaded."] = 64 * 2**30
    max_redirects: Annotated[int, Ge(0), Le(20), "Redirects followed per request."] = 5
    allow_private_network: Annotated[bool, "Connect to private, loopback, link-local and other special addresses."] = (
        False
    )
    allow_networks: Annotated[tuple[str, ...], "Private networks that may be connected to, such as 10.1.0.0/16."] = ()
    pages: Annotated[bool, "Hand addresses that answer with a web page to yt-dlp."] = False
    keep_sources: KeepSources = "until-done"
    folder: Annotated[Path | None, "Where downloads lie, on this machine and its workers; None: in the corpus."] = None
    ahead: Annotated[int, Ge(1), "Sources downloaded before their curation begins; the next lot comes meanwhile."] = 64
