"""Corpora in the formats of other tools: one format a file, one run that resumes."""

from pipelines.export.run import Exported, export

__all__ = ["Exported", "export"]
