"""Training by several processes, each on one core: the throughput, and the bytes between them.

The recipe is that of tags on UD EWT (benchmarks/networks/tags.toml), with the same batches of four
shards for any number of processes. $TEXTRNN_DATA must have UD EWT. The processes of a run are
connected through the loopback device, whose counter gives the bytes.
"""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.timing import table
from training.log import read_metrics

RECIPE = Path(__file__).parent / "networks" / "tags.toml"
SETTINGS = ["train.epochs=1", "train.shards=4", "train.rows=128", "train.tokens=8192"]


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    rows = []
    peer = 0.0
    for processes, used in ((1, cores[:1]), (1, cores), (len(cores), cores), (4, cores)):
        rate, sent = _run(processes, used)
        peer = peer or rate
        rows.append([processes, len(used), f"{rate:,.0f}", f"{rate / peer:.2f}", f"{sent:,.0f}"])
    table(
        "training on several hosts",
        ["processes", "cores", "tokens/s", "ratio", "bytes sent per step"],
        rows,
    )


def _run(processes: int, cores: list[int]) -> tuple[float, float]:
    """The median rate in tokens/s, and the bytes that all processes send in a step."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "textrnn", "train", RECIPE, *SETTINGS, "--output", folder]
        before = _sent()
        hosts = []
        for host in range(processes):
            joining = ["--hosts", processes, "--host-id", host, "--coordinator", coordinator]
            own = cores if processes == 1 else [cores[host % len(cores)]]
            hosts.append(
                subprocess.Popen(
                    list(map(str, ["taskset", "-c", ",".join(map(str, own)), *command, *joining])),
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
        for process in hosts:
            if process.wait():
                raise SystemExit(f"{' '.join(map(str, command))} failed")
        sent = _sent() - before
        logged = read_metrics(Path(folder) / "metrics.jsonl")
    rates = [entry["tokens_per_s"] for entry in logged if "tokens_per_s" in entry]
    return median(rates[1:]), sent / max(entry["step"] for entry in logged)


def _sent() -> int:
    """Bytes that the loopback device has sent since the start of the machine."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[8])
    raise SystemExit("/proc/net/dev has no loopback device")
