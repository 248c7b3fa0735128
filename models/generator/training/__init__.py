"""Training of the generator: batches, conditions as training sees them, losses, weights' moving average, steps."""
