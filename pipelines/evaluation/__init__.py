"""Rendered videos measured: against the truth, against what drove them, and by themselves."""
