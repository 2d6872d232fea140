"""Several worker processes behind one port, as real processes with real signals."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from service import workers
from support.replacing import change_temperature
from support.server import Server
from textrnn.errors import UserError

ROUTE = "/v1/classify"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2,
    reason="two workers need Linux and two cores",
)
pytestmark = [pytestmark, pytest.mark.process]


@pytest.fixture(scope="module")
def bundle(tiny_bundle, few_shapes) -> Path:
    return few_shapes(tiny_bundle)


@pytest.fixture(scope="module")
def server(bundle):
    server = Server("--models", str(bundle), "--workers", "2")
    try:
        server.wait_for("all 2 workers ready (")
        yield server
    finally:
        server.end()


def processes(server) -> list[psutil.Process]:
    """The workers: the processes that have loaded JAX."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if has_jax(child)]


def has_jax(process: psutil.Process) -> bool:
    return any("jaxlib" in part.path for part in process.memory_maps())


def ask(server, path=ROUTE, **body) -> httpx.Response:
    """One request over a new connection."""
    with server.client() as client:
        return client.post(path, json=body) if body else client.get(path)


def count(server, metric: str) -> float:
    lines = ask(server, "/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(metric))


def test_workers_have_separate_cores_and_the_parent_no_jax(server):
    """Fails if workers compete for the same cores, or are forked from a process that runs JAX."""
    first, second = (set(process.cpu_affinity()) for process in processes(server))
    assert first
    assert second
    assert not first & second
    assert first | second == os.sched_getaffinity(0)
    for process in processes(server):
        threads = [psutil.Process(thread.id).cpu_affinity() for thread in process.threads()]
        assert all(set(cores) <= first or set(cores) <= second for cores in threads)
    assert not has_jax(psutil.Process(server.process.pid))


def ask_both(server, path, **body):
    """Send requests until each worker has answered. Returns all responses."""
    before, answers = shares(server), []
    while any(shares(server)[worker] == before[worker] for worker in ("1", "2")):
        answers += [ask(server, path, **body) for _ in range(4)]
    return answers


def shares(server) -> dict[str, float]:
    metric = 'textrnn_worker_requests_total{{worker="{}"}}'
    return {worker: count(server, metric.format(worker)) for worker in ("1", "2")}


def test_one_scrape_has_the_metrics_of_all_workers(server):
    """Fails if a scrape returns only the metrics of one worker."""
    series = f'textrnn_requests_total{{model="tiny",route="{ROUTE}",status="200"'
    before = count(server, series)
    answers = ask_both(server, ROUTE, text="a fine film")
    assert {response.status_code for response in answers} == {200}
    assert {count(server, series) for _ in range(8)} == {before + len(answers)}
    assert count(server, "textrnn_queue_depth ") == 0
    text = ask(server, "/metrics").text
    assert text.count("textrnn_model_info{") == 1, "not one for each process"
    assert "# HELP textrnn_requests_total Requests answered.\n" in text


def test_workers_accept_each_others_states(generate_bundle, few_shapes):
    """Fails if workers generate different keys, or outlive their parent."""
    body = {"prompt": "", "max_characters": 4, "return_state": True, "seed": 1}
    server = Server("--models", str(few_shapes(generate_bundle)), "--workers", "2")
    try:
        server.wait_for("all 2 workers ready (")
        body["state"] = ask(server, "/v1/generate", **body).json()["state"]
        answers = ask_both(server, "/v1/generate", **body)
        assert {response.status_code for response in answers} == {200}
        children = processes(server)
        server.process.kill()
        assert psutil.wait_procs(children, timeout=60)[1] == []
    finally:
        server.end()


def test_a_port_shared_by_workers_is_in_use(server, bundle):
    """Fails if a second server, started by mistake, could take over some of the connections."""
    done = subprocess.run(
        [sys.executable, "-m", "textrnn", "serve", "--port", server.url.rsplit(":", 1)[1],
         "--workers", "2", "--models", str(bundle)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_sighup_reaches_every_worker(server, bundle):
    change_temperature(bundle, 30.0)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("worker 1: tiny: replaced")
    server.wait_for("worker 2: tiny: replaced")


def test_a_killed_worker_is_replaced(server):
    """Fails if requests are refused or lost after a worker has ended, or its counters are lost."""
    before = count(server, "textrnn_requests_total")
    old = {process.pid for process in processes(server)}
    os.kill(min(old), signal.SIGKILL)
    server.wait_for("was killed by SIGKILL; starting another")
    answered = 0
    while not any("is ready again" in line for line in server.lines):
        assert ask(server, text="a fine film").status_code == 200
        answered += 1
        assert answered < 10_000, "no worker is started"
    new = {process.pid for process in processes(server)}
    assert len(new) == 2
    assert new & old == old - {min(old)}
    assert count(server, "textrnn_requests_total") >= before + answered


def test_sigterm_drains_every_worker(server):
    children = processes(server)
    assert server.stop() == 0
    assert not any(child.is_running() for child in children)
    server.wait_for("<end>")
    for line in ("draining", "worker 1: draining", "worker 2: draining"):
        assert server.lines.count(line) == 1


def test_a_worker_that_cannot_start_stops_all(bundle, tmp_path):
    broken = shutil.copytree(bundle, tmp_path / "broken")
    (broken / "weights.safetensors").write_bytes(b"nonsense")
    done = subprocess.run(
        [sys.executable, "-m", "textrnn", "serve", "--port", "0", "--workers", "2",
         "--models", str(broken)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"textrnn: {broken}")
    assert "Traceback" not in done.stderr


def test_cores_are_divided_evenly(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 1, 2, 7, 9})
    assert workers.divide_cores(2) == [[1, 2], [4, 7, 9]]
    assert workers.divide_cores(1) == [[1, 2, 4, 7, 9]]
    with pytest.raises(UserError, match="6 workers cannot share 5 cores"):
        workers.divide_cores(6)
