"""Generation and training in characters/s, compared with PyTorch; time to first chunk over HTTP;
scoring of a million characters.

textrnn takes prompts and returns text. PyTorch runs the same network and is given token ids.
"""

import asyncio
import json
import statistics
import time
import tracemalloc

import numpy as np
import torch
from flax import nnx

import textrnn
from benchmarks.http import served
from benchmarks.timing import side_by_side, table
from benchmarks.torch_generator import TorchGenerator
from textrnn.batching import Limits
from textrnn.parameters import split_model
from textrnn.predictor import Predictor
from textrnn.tasks.generate.task import Generate
from training.optimizer import OptimizerConfig, make_optimizer
from training.recipe import TrainConfig
from training.step import initial_state, make_step

MODEL = "shakespeare"
PROMPT = "ROMEO:\nO, that I were a glove "
CHARACTERS = 256
ROWS, STEPS = 32, 128
SECONDS = 5


def main() -> None:
    torch.set_num_threads(2)
    predictor = textrnn.load(MODEL)
    writing(predictor)
    through_the_service(predictor)
    training(predictor)
    million(predictor)


def peer(predictor: Predictor) -> TorchGenerator:
    config = predictor.task.config
    size, encoder = config.embedding.size, config.encoder
    network = TorchGenerator(len(predictor.task.tokenizer), size, encoder.hidden, encoder.layers)
    return network.fill(predictor.params).eval()


def writing(predictor: Predictor) -> None:
    network, task = peer(predictor), predictor.task
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


def training(predictor: Predictor) -> None:
    config, tokenizer = predictor.task.config, predictor.task.tokenizer
    vocabulary = len(tokenizer)
    ids = np.random.default_rng(0).integers(4, vocabulary, (ROWS, STEPS + 1)).astype(np.int32)
    seconds = side_by_side({
        "float32": _ours("float32", config, tokenizer, ids),
        "bfloat16": _ours("bfloat16", config, tokenizer, ids),
        "torch": _torch(config, vocabulary, ids),
    }, rounds=7)  # fmt: skip
    rates = {name: ROWS * STEPS / taken for name, taken in seconds.items()}
    ratios = [f"{rates[name] / rates['torch']:.2f}" for name in ("float32", "bfloat16")]
    head = ["rows x steps", "textrnn", "bfloat16", "PyTorch", "ratio", "ratio bfloat16"]
    title = "Training with dropout and weight drop, Adam, the state passed on, in characters/s"
    table(title, head, [[f"{ROWS} x {STEPS}", *rates.values(), *ratios]])


def _ours(precision, config, tokenizer, ids):
    task = Generate(config, tokenizer, Limits(length=STEPS, rows=ROWS, tokens=ROWS * STEPS))
    graph, params = split_model(task.build(nnx.Rngs(0)))
    settings = TrainConfig(
        precision=precision, weight_drop=0.4,
        optimizer=OptimizerConfig(name="adam", clip=0, schedule="constant"),
    )  # fmt: skip
    optimizer = make_optimizer(settings.optimizer, 1000)
    step = make_step(task.loss_with_carry, graph, optimizer, settings)
    past = nnx.jit(lambda: task.initial_carry(ROWS))()
    state = initial_state(params, optimizer, settings, past)
    batch = {"ids": ids, "fresh": np.zeros(ROWS, bool)}

    def run() -> None:
        nonlocal state
        state, loss = step(state, batch)
        loss.block_until_ready()

    return run


def _torch(config, vocabulary, ids):
    """Weight drop: masks the recurrent matrices before each step."""
    encoder = config.encoder
    network = TorchGenerator(
        vocabulary, config.embedding.size, encoder.hidden, encoder.layers, encoder.dropout
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    inputs, past = torch.from_numpy(ids).long(), None
    names = [name for name, _ in network.named_parameters() if "weight_hh" in name]

    def run() -> None:
        nonlocal past
        optimizer.zero_grad()
        dropped = {
            name: torch.nn.functional.dropout(p, 0.4) if name in names else p
            for name, p in network.named_parameters()
        }
        logits, past = torch.func.functional_call(network, dropped, (inputs[:, :-1], past))
        past = tuple(carry.detach() for carry in past)
        targets = inputs[:, 1:].reshape(-1)
        torch.nn.functional.cross_entropy(logits.reshape(-1, vocabulary), targets).backward()
        optimizer.step()

    return run


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
