"""The demonstration plant: a site marked demo, made from formulas and a seed."""
