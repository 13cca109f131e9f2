"""``make bench``: what a request costs. Counts are asserted in tests/test_speed.py too; times are only told here."""
