"""A search's folder: its files, its summary, and the display of progress."""
