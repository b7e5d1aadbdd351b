"""From an architecture to its figures, and where they are computed."""
