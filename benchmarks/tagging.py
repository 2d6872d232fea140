"""Tagging in words/s on one and two cores, in process and over HTTP, compared with PyTorch.

textrnn takes text and returns entities. PyTorch runs the network only, on prepared inputs. The
server is loaded by 64 clients, which may run on any core.
"""

import asyncio
import json
import os
import subprocess
import sys

from benchmarks.timing import table
from textrnn.tasks.tag.task import TagOptions

MODEL = "ner-en"
TEXTS = 64
WORDS = [20, 200]
SECONDS = 6.0
OPTIONS = TagOptions()


def main() -> None:
    rows = []
    for cores in (1, 2):
        code = f"from benchmarks import tagging; tagging.measure({cores})"
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
        )
        for words, ours, torchs, served in json.loads(done.stdout.splitlines()[-1]):
            rows.append([
                words, cores, ours, torchs, f"{ours / torchs:.2f}", served, f"{served / ours:.2f}",
            ])  # fmt: skip
    table(
        f"{MODEL}, words/s",
        ["words", "cores", "alone", "PyTorch network", "ratio", "service, 64 clients", "of alone"],
        rows,
    )


def measure(cores: int) -> None:
    """Runs in its own process, as libraries count the cores at startup."""
    everywhere = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, everywhere[:cores])
    import torch

    import textrnn
    from benchmarks.http import load, served
    from benchmarks.texts import texts
    from benchmarks.timing import side_by_side
    from benchmarks.torch_tagger import TorchTagger

    torch.set_num_threads(cores)
    predictor = textrnn.load(MODEL)
    network = TorchTagger(predictor.task.config, predictor).eval()
    rows = []
    with served({MODEL: predictor}) as port:
        for words in WORDS:
            some = texts(predictor, TEXTS, words)
            examples = [predictor.task.read({"text": text}, OPTIONS) for text in some]
            total = sum(len(example) for example in examples)
            batches = _batches(predictor, examples)
            _agree(predictor, examples, [network.viterbi(batch) for batch in batches])
            seconds = side_by_side({
                "alone": lambda some=some: predictor.predict(some),
                "peer": lambda batches=batches: [network.viterbi(batch) for batch in batches],
            })  # fmt: skip
            os.sched_setaffinity(0, everywhere)  # the clients
            latencies = asyncio.run(load(port, "/v1/tag", some, SECONDS))
            os.sched_setaffinity(0, everywhere[:cores])
            rate = len(latencies) / SECONDS * total / TEXTS
            rows.append([words, total / seconds["alone"], total / seconds["peer"], rate])
    print(json.dumps(rows))


def _batches(predictor, examples):
    """The planned batches as padded tensors."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    windows = [window for example in examples for window in example.windows]
    batches = []
    for group in predictor.plan(examples):
        words = [windows[i].spelled for i in group.indices]
        lengths = torch.tensor([len(each.ids) for each in words])
        batch = {
            name: pad_sequence(
                [torch.from_numpy(getattr(each, name).astype("int64")) for each in words],
                batch_first=True,
            )
            for name in ("ids", "letters", "casing")
        }
        batches.append(batch | {"lengths": lengths})
    return batches


def _agree(predictor, examples, paths) -> None:
    """Check that PyTorch computes the same result."""
    windows = [window for example in examples for window in example.windows]
    paths_of = [output.tokens.path for example in predictor.run(examples) for output in example]
    for group, path in zip(predictor.plan(examples), paths, strict=True):
        for row, index in enumerate(group.indices):
            length = len(windows[index])
            assert (paths_of[index] == path[row, :length].numpy()).all()
