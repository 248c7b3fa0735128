"""Networks and the weights they need."""
