"""What surrounds the app: the cloud resources it needs (template.yaml) and the same on one machine (local)."""
