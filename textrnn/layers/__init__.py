"""Layers that several tasks build their networks from."""
