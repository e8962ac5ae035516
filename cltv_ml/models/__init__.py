"""What we expect: one paper or one recipe per file."""
