"""Libraries that we are compared with; they never become our dependencies."""
