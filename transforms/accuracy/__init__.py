"""How right annotations are: against the truth of synthesized videos, and against each other."""
