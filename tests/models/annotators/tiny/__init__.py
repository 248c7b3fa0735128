"""Real classes of the research-grade annotators at a size for tests, saved and registered as a user would."""
