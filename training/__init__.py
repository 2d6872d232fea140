"""Training jobs: from a recipe and data to a bundle."""
