"""From texts to answers: models, the queue, batches."""
