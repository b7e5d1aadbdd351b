"""Surrogates: models that are fitted to figures of some architectures, and answer for the rest."""

from nas.surrogates.metric import SurrogateTarget
from nas.surrogates.saved import load, save
from nas.surrogates.surrogate import Prediction, Surrogate

__all__ = ["Prediction", "Surrogate", "SurrogateTarget", "load", "save"]
