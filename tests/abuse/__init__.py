"""People who try to get more than was promised, each as they would go about it. The rules are in docs/abuse.md."""
