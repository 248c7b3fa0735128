"""Networks that look at video for metrics: what they see alike, people mostly do, too."""
