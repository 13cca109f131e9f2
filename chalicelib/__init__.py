"""Regulars: a customer loyalty program on a provable ledger. docs/architecture.md shows the rooms."""
