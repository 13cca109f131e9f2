"""Thin handlers that nobody calls over HTTP."""
