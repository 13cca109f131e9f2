"""The proof: a seeded simulator of shops, faults injected below boto, and a plain model of the whole ledger."""
