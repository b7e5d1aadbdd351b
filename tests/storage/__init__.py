"""What survives a kill."""
