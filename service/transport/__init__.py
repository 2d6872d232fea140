"""Connections, admission and errors: HTTP below the routes."""
