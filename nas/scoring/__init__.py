"""From an architecture to a trial's figures, and where that happens."""
