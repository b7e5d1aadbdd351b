"""The search: the loop, and the history of its trials."""
