"""One step each, pure: decode, shots, screening, annotation, encoding. No engine is known here."""
