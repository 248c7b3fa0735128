"""What was measured, beside the videos it was measured of: in their folder of renders, and in its table."""

from __future__ import annotations

from pipelines.evaluation.run import Evaluation
from pipelines.farm.folder import RendersFolder
from pipelines.farm.table import write_table
from schemas.measures import OF_A_VIDEO


def keep_scores(done: Evaluation, folder: RendersFolder) -> None:
    """Keep every video's figures, and write the table anew. Raises CorpusError where the folder cannot be written."""
    for result in done.results:
        known = {metric.name: value for metric in OF_A_VIDEO if (value := result.value(metric.name)) is not None}
        if known:
            folder.keep_scores(result.name, done.subjects[result.name].digest, known)
    write_table(folder)
