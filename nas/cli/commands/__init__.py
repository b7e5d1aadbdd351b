"""The commands, one module each; `main` takes the arguments after the command's name."""
