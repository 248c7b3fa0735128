"""The paper's generator: figure from the pose, ground from the points, clip by clip."""
