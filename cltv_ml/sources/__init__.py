"""Sources: files, archives, databases and tables in memory, read as rows of columns whose meaning is not known yet."""
