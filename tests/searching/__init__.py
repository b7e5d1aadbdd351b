"""The loop and its history."""
