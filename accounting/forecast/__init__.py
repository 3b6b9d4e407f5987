"""Forecasts of prices and reductions: models, backtests, intervals, the champion's gate."""
