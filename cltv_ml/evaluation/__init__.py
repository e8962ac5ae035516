"""How right were we."""
