"""The commands, one module each; its `main` takes the arguments after the command's name."""
