"""The warped, anchored condition: the figure from the pose and the ground from the points, without weights."""
