"""What happened: any source becomes one valid transaction log."""
