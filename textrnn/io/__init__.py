"""Rows out of files and into files."""
