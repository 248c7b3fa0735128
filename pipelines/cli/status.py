"""The verb `status`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.farm.status import Status

_MOST = 20


def status(
    renders: Annotated[str, typer.Argument(help="Folder of a batch of renders, or its address in a bucket.")],
    page: Annotated[bool, typer.Option("--page", help="Write the page of what is finished anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Say where a batch of renders stands, while it is rendered or after. Reads files alone.

    Example: figureground status renders
    """
    from pipelines.farm.folder import RendersFolder
    from pipelines.farm.page import write_page
    from pipelines.farm.status import read_status

    folder = RendersFolder.at(renders)
    found = read_status(folder)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        print("\n".join(_lines(found)))
    if page:
        print(write_page(folder))


def _lines(found: Status) -> Iterator[str]:
    from pipelines.timeleft import in_words

    left = "" if found.left is None else f", {found.left} left"
    yield f"{found.done} videos done, {len(found.failures)} failed{left}; {len(found.begun)} begun"
    yield f"model {found.settings['model']}, {found.frames} frames in {found.render_s:.0f} s of its time"
    driver = found.driver
    if driver is not None and found.by is not None:
        pace = f"{driver['clips_per_s']} clips and {driver['frames_per_s']} frames a second"
        yield f"rendered by {found.by}: {driver['workers']} workers, {pace}, {in_words(driver['time_left_s'])}"
    elif found.left:
        yield "nobody is rendering; run the same command again to go on"
    for failure in found.failures[:_MOST]:
        yield f"{failure.job_id} failed ({failure.reason}): {failure.detail}"
    if len(found.failures) > _MOST:
        yield f"and {len(found.failures) - _MOST} more; renders.parquet has all"
