"""The Hydra configs; a package, so that `pkg://` search paths can name it."""
