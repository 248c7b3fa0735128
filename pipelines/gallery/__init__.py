"""A corpus as a static site: funnel, scores with their thresholds, clips, and why the others were rejected."""
