"""Who may what: every route, every role, own and others."""
