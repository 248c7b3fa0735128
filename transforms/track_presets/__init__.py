"""Background tracks without a driving video: made by a virtual camera, or taken over from a clip."""
