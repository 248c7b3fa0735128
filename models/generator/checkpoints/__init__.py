"""Trained generators that come along, each a folder as `HumanVideoPipeline.from_pretrained` reads it."""
