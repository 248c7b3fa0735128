"""Training windows out of stored clips: some frames, a part of the picture, and the annotations that follow it."""
