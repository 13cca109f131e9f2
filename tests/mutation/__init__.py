"""Mutation testing of the domain: mutmut makes the mutants; a forked process for each runs the tests that reach it."""
