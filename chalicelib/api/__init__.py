"""Thin HTTP blueprints: parse, call one action, present."""
