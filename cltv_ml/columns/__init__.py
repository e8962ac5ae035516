"""Columns: what the headings and texts of a source mean, as a mapping to standard names and SQL that reads each."""
