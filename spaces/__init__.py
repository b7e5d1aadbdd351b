"""Search spaces, one file each; the registered name is the file's name."""
