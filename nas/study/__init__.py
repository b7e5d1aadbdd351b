"""Several searches compared: variants over seeds, their curves, paired tests."""
