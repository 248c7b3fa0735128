"""What tells whether a generated video is right: against the true video, and against what drove it."""
