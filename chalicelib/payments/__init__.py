"""One file a payment provider: verify the raw body, translate the event."""
