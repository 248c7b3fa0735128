"""Pictures that show annotations on the video they belong to."""
