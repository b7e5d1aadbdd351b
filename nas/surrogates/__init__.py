"""Surrogates: models that are fitted to figures of some architectures, and answer for the rest."""
