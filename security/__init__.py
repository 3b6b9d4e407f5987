"""Accounts, sessions, who may open what, and the one gate before every route."""
