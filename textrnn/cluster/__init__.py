"""Batch scoring on several machines."""
