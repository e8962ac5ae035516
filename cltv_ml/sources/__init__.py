"""Sources: files, archives, databases and tables in memory, read as rows whose meaning is not known yet."""
