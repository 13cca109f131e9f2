"""From outside: every call with bodies, paths, queries and headers that nobody should send."""
