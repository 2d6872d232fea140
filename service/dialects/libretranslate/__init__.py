"""LibreTranslate."""
