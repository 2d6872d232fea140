"""HTML whose text is replaced by its translation."""
