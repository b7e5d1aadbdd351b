"""What survives a kill: append-only journals, files replaced in one step, locked folders.

`reading` is for the files of users: none may ask for all the memory.
"""
