"""What we knew at the cutoff."""
