"""Generation in characters/s, compared with PyTorch; time to first chunk over HTTP; scoring of a
million characters.

textrnn takes prompts and returns text. PyTorch runs the same network and is given token ids.
"""

import asyncio
import json
import statistics
import time
import tracemalloc

import torch

import textrnn
from benchmarks.http import served
from benchmarks.timing import side_by_side, table
from benchmarks.torch_generator import TorchGenerator
from benchmarks.without_dropout import without_dropout
from textrnn.predictor import Predictor

MODEL = "shakespeare"
PROMPT = "ROMEO:\nO, that I were a glove "
CHARACTERS = 256
SECONDS = 5


def main() -> None:
    torch.set_num_threads(2)
    predictor = textrnn.load(MODEL)
    writing(predictor)
    through_the_service(predictor)
    million(predictor)


def writing(predictor: Predictor) -> None:
    task = predictor.task
    network = TorchGenerator(without_dropout(task.config), predictor.params)
    ids = torch.from_numpy(task.tokenizer.encode(PROMPT).ids.astype("int64"))
    (greedy,) = predictor.predict(PROMPT, temperature=0, max_characters=64)
    tokens = network.write(ids[None], 64, temperature=0)[0]
    assert task.tokenizer.decode(tokens.numpy()) == greedy["text"], "PyTorch generates another text"
    rows = []
    for streams in (1, 8, 64):
        prompts = ids.repeat(streams, 1)
        seconds = side_by_side({
            "ours": lambda streams=streams: predictor.predict(
                [PROMPT] * streams, max_characters=CHARACTERS
            ),
            "PyTorch": lambda prompts=prompts: network.write(prompts, CHARACTERS, 0.8),
        }, rounds=7)  # fmt: skip
        each = {name: streams * CHARACTERS / taken for name, taken in seconds.items()}
        ratio = each["ours"] / each["PyTorch"]
        rows.append([streams, each["ours"], each["PyTorch"], f"{ratio:.2f}"])
    head = ["streams", "characters/s", "PyTorch's", "ratio"]
    table(f"{MODEL}: {CHARACTERS} characters after {len(PROMPT)}", head, rows)


def through_the_service(predictor: Predictor) -> None:
    rows = []
    with served({MODEL: predictor}) as port:
        for clients in (1, 8, 64):
            texts = [PROMPT] * clients
            run = lambda texts=texts: predictor.predict(texts, max_characters=CHARACTERS)  # noqa: E731
            alone = clients * CHARACTERS / side_by_side({"alone": run}, rounds=7)["alone"]
            latencies = asyncio.run(streams(port, clients))
            rate = len(latencies) * CHARACTERS / SECONDS
            first = 1e3 * statistics.median(latencies)
            late = 1e3 * statistics.quantiles(latencies, n=100)[98]
            rows.append([clients, first, late, rate, alone, f"{rate / alone:.2f}"])
    head = ["clients", "first chunk p50 ms", "p99 ms", "characters/s", "predictor alone", "ratio"]
    table(f"POST /v1/generate, streamed, {CHARACTERS} characters per request", head, rows)


async def streams(port: int, clients: int) -> list[float]:
    """A closed loop with one connection per client. Returns the seconds to the first chunk of the
    requests that were sent after a short warm-up and answered in time."""
    firsts: list[float] = []
    begin = time.perf_counter() + 0.5
    body = json.dumps({"prompt": PROMPT, "max_characters": CHARACTERS, "stream": True}).encode()
    request = (
        b"POST /v1/generate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (len(body), body)
    )

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            sent = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"data: ")
            assert head.startswith(b"HTTP/1.1 200"), head
            first = time.perf_counter() - sent
            await reader.readuntil(b"\r\n0\r\n\r\n")
            if time.perf_counter() > begin + SECONDS:
                break
            if sent >= begin:
                firsts.append(first)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return firsts


def million(predictor: Predictor) -> None:
    """Memory allocated while a text is scored, as one row and in segments that pass on state."""
    rows = []
    for count in (10_000, 100_000, 1_000_000):
        text = (PROMPT * (count // len(PROMPT) + 1))[:count]
        for name, size in (("one row", count), ("segments of 10,000", 10_000)):
            tracemalloc.start()
            began = time.perf_counter()
            loss = -likelihood(predictor, text, size) / count
            seconds = time.perf_counter() - began
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            rows.append([f"{count:,}", name, count / seconds, peak / 2**20, f"{loss:.6f}"])
    head = ["characters", "as", "characters/s", "maximum MiB", "loss"]
    table("Scoring one text with its state passed on", head, rows)


def likelihood(predictor: Predictor, text: str, size: int) -> float:
    total, state = 0.0, None
    for start in range(0, len(text), size):
        row = {"text": text[start : start + size], "state": state}
        (answer,) = predictor.predict_rows([row], return_state=True)
        total, state = total + answer["log_likelihood"], answer["state"]
    return total
