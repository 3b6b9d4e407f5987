"""Budgets against measurements, each with the floor of this machine beside it."""
