"""The same app on one machine: Chalice's local server in process, over an embedded cloud on loopback."""
