"""From requests to answers: admission, models, the queue, batches, streams."""
