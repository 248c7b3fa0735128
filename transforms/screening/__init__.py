"""Scores and rules that decide which candidate clips are worth annotating."""
