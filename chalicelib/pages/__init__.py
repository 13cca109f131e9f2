"""What people look at: templates, style, scripts. Holds no rules."""
