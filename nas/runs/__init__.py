"""A search's folder: what is in it, how it is summed up, how a search shows where it is."""
