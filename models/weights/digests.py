"""One digest for all weights that an annotator uses."""

from __future__ import annotations

import hashlib

from models.weights.registry import weight_file


def digest_of(*names: str) -> str:
    """SHA-256 of a file; of several, the SHA-256 over their digests in that order. Raises WeightsError."""
    digests = [weight_file(name).sha256 for name in names]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
