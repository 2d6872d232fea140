"""HTTP over bundles."""
