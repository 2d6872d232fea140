"""A load of mixed requests: clients that send texts of random lengths to several models.

Texts are single or in lists. Half of the generation requests are streamed, and half of the streams
are abandoned after their first chunk. Connections are closed after at most 50 requests.
"""

import contextlib
import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping

from benchmarks.texts import texts
from textrnn.predictor import Predictor


@contextlib.contextmanager
def mixed_load(
    port: int, models: Mapping[str, Predictor], clients: int, words: int, rows: int
) -> Iterator[Counter[int]]:
    """The number of responses by status, which grows until the context ends. Texts have at most
    `words` words, and lists at most `rows` texts."""
    samples = {name: texts(model, 200, (1, words)) for name, model in models.items()}
    over, answers = threading.Event(), Counter[int]()
    threads = [
        threading.Thread(target=_client, args=(port, models, samples, rows, seed, over, answers))
        for seed in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _client(
    port: int,
    models: Mapping[str, Predictor],
    samples: Mapping[str, list[str]],
    rows: int,
    seed: int,
    over: threading.Event,
    answers: Counter[int],
) -> None:
    draw = random.Random(seed)
    while not over.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(draw.randint(1, 50)):  # requests per connection
            name = draw.choice(list(models))
            task, body = (
                models[name].task.name,
                _body(draw, models[name].task.name, samples[name], rows),
            )
            sent = json.dumps({"model": name, **body})
            headers = {"content-type": "application/json"}
            connection.request("POST", f"/v1/{task}", sent, headers)
            answer = connection.getresponse()
            answers[answer.status] += 1
            if body.get("stream") and draw.random() < 0.5:
                answer.readline()
                break
            answer.read()
        connection.close()


def _body(draw: random.Random, task: str, some: list[str], rows: int) -> dict[str, object]:
    if task == "generate":
        text = draw.choice(some)[:200]
        return {
            "prompt": text, "max_characters": draw.randint(1, 500), "stream": draw.random() < 0.5,
        }  # fmt: skip
    if draw.random() < 0.5:
        return {"text": draw.choice(some)}
    return {"texts": draw.sample(some, draw.randint(1, rows))}
