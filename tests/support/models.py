"""Models as a server holds them."""

from pathlib import Path


def ready(bundle: Path):
    """A model as a server holds it, ready."""
    from service.inference import models

    served = models.load_model(str(bundle))
    served.make_ready()
    return served
