"""Surrogates: models, what they see, their files."""
