"""Training rows as people might have typed them."""

from training.augmentation.augmentation import Augmentation
from training.augmentation.config import AugmentConfig

__all__ = ["AugmentConfig", "Augmentation"]
