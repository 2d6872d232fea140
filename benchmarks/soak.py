"""Soak test: mixed requests for several minutes, to detect resources that grow.

python -m benchmarks.soak [MINUTES]     default: 10

Eight clients send texts of random lengths, single or in lists, to one model of each task. Half of
the generation requests are streamed, and half of the streams are abandoned after their first chunk.
Each minute prints the resources of the server; the last line is the growth of its memory over the
second half. Clients and server share the machine, so the request rate is not meaningful.
"""

import http.client
import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping

import textrnn
from benchmarks.http import served
from benchmarks.overload import server_at
from benchmarks.texts import texts
from benchmarks.timing import table
from textrnn.predictor import Predictor

MODELS = ["sentiment-en", "ner-en", "translate-de-en", "shakespeare"]
CLIENTS = 8
LONGEST = 100
"""Number of words in a text."""


def main(minutes: int = 10) -> None:
    models = {name: textrnn.load(name) for name in MODELS}
    samples = {name: texts(model, 200, (1, LONGEST)) for name, model in models.items()}
    with served(models) as port:
        process, over = server_at(port), threading.Event()
        answers: Counter[int] = Counter()
        clients = [
            threading.Thread(target=_client, args=(port, models, samples, seed, over, answers))
            for seed in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        rows: list[list[object]] = []
        memory: list[float] = []
        for minute in range(1, minutes + 1):
            time.sleep(60)
            memory.append(process.memory_info().rss / 2**20)
            failed = answers.total() - answers[200]
            rows.append([
                minute, answers[200], failed, memory[-1], process.num_threads(),
                process.num_fds(), len(process.net_connections()),
            ])  # fmt: skip
        over.set()
        for client in clients:
            client.join()
    table(
        f"{CLIENTS} clients",
        ["minute", "answered", "failed", "memory MB", "threads", "descriptors",
         "connections"],
        rows,
    )  # fmt: skip
    half = memory[len(memory) // 2 :]
    if len(half) > 1:
        slope, _ = statistics.linear_regression(range(len(half)), half)
        print(f"memory grew by {slope:.2f} MB per minute over the second half")


def _client(
    port: int,
    models: Mapping[str, Predictor],
    samples: Mapping[str, list[str]],
    seed: int,
    over: threading.Event,
    answers: Counter[int],
) -> None:
    draw = random.Random(seed)
    while not over.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(draw.randint(1, 50)):  # requests per connection
            name = draw.choice(list(models))
            task, body = models[name].task.name, _body(draw, models[name].task.name, samples[name])
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


def _body(draw: random.Random, task: str, some: list[str]) -> dict[str, object]:
    if task == "generate":
        text = draw.choice(some)[:200]
        return {
            "prompt": text, "max_characters": draw.randint(1, 500), "stream": draw.random() < 0.5,
        }  # fmt: skip
    if draw.random() < 0.5:
        return {"text": draw.choice(some)}
    return {"texts": draw.sample(some, draw.randint(1, 16))}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
