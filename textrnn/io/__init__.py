"""Rows from files and to files, in every supported format."""
