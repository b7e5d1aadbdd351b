"""What scores architectures, and where."""
