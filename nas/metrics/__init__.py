"""What a candidate costs, one metric a file."""
