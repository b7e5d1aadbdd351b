"""Files that survive a kill: append-only journals, files replaced in one step, locked folders."""
