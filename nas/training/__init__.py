"""Training: what a network has to learn from a batch, and how it is trained."""
