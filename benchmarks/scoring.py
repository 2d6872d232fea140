"""`textrnn score` in rows/s by number of rows, and its memory, compared with PyTorch.

PyTorch runs the network only: token ids in batches of 64 rows of similar length, without files.
"""

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch

import textrnn
from benchmarks.texts import texts
from benchmarks.timing import table
from benchmarks.torch_classifier import TorchClassifier

MODEL = "sentiment-en"
ROWS = [10_000, 40_000, 160_000]


def main() -> None:
    predictor = textrnn.load(MODEL)
    torch_rate = _torch_rate(predictor, 4096)
    rows = []
    for count in ROWS:
        seconds, memory = _score(predictor, count, (5, 30))
        rate = count / seconds
        rows.append([count, seconds, rate, torch_rate, f"{rate / torch_rate:.2f}", memory / 2**20])
    table(
        "textrnn score, texts of 5 to 30 words, whole process with its start",
        ["rows", "seconds", "rows/s", "PyTorch network alone", "ratio", "memory above start, MiB"],
        rows,
    )


def _score(predictor, count: int, words: tuple[int, int]) -> tuple[float, float]:
    """Seconds, and the growth of memory from the first rows to the peak."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.csv", Path(folder) / "out.csv"
        some = texts(predictor, min(count, 20_000), words)
        with source.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "text"])
            writer.writerows((number, some[number % len(some)]) for number in range(count))
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "textrnn", "score", MODEL, str(source), "--output", str(output)],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        watched, start, peak = psutil.Process(process.pid), 0, 0
        while process.poll() is None:
            if output.with_name("out.csv.progress.json").exists():
                size = watched.memory_info().rss
                start, peak = start or size, max(peak, size)
            time.sleep(0.05)
        assert process.returncode == 0
        return time.perf_counter() - began, peak - start


def _torch_rate(predictor, count: int) -> float:
    network = TorchClassifier(predictor.task.config, predictor.params).eval()
    options = predictor.task.options_type()
    examples = [predictor.task.read({"text": t}, options) for t in texts(predictor, count, (5, 30))]
    examples.sort(key=len)
    batches = []
    for start in range(0, count, 64):
        part = examples[start : start + 64]
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.from_numpy(e.ids).long() for e in part], batch_first=True
        )
        batches.append((ids, torch.tensor([len(e) for e in part])))
    with torch.inference_mode():
        for batch in batches[:8]:
            network(*batch)
        began = time.perf_counter()
        for batch in batches:
            network(*batch)
        return count / (time.perf_counter() - began)
