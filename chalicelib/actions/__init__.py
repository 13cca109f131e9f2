"""One verb a file: load, decide, commit. Only this room commits."""
