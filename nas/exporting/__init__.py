"""A network to take away: source, weights, exported programs, and a description."""

from nas.exporting.formats import FORMATS, Model, content, format_of, model_of, suffix
from nas.exporting.writing import export

__all__ = ["FORMATS", "Model", "content", "export", "format_of", "model_of", "suffix"]
