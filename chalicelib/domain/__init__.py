"""Pure rules: no I/O, no AWS, no clock; time and new ids come in as arguments."""
