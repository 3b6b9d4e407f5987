"""Readings, records, derived quantities, ledger and lineage: everything that is kept."""
