"""Weight files: where each comes from, its digest and its licence. Nothing is loaded that does not match."""

from models.weights.registry import REGISTRY
from models.weights.store import fetch, locate, verify
from models.weights.weight_file import WeightFile

__all__ = ["REGISTRY", "WeightFile", "fetch", "locate", "verify"]
