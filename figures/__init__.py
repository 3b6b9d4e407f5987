"""What is seen: numbers, cards and charts as plain dicts, made from ledger cells."""
