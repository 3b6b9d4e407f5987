"""Glue between pages and data: every declared panel is wired by _bind.py."""
