"""Served models."""

from pathlib import Path


def ready(bundle: Path):
    """Load a bundle as a server does, and compile its programs."""
    from service.inference import models

    served = models.load_model(str(bundle))
    served.make_ready()
    return served
