"""Words and phrases with their translations, from the sentence pairs of training data."""
