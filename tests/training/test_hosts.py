"""Hosts that train together: processes of their own on this machine."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support.bundles import same_parameters, weights
from support.command import textrnn, textrnn_here
from textrnn.errors import UserError
from training.hosts import joined
from training.log import read_metrics

SETTINGS = [
    "train.epochs=2", "train.checkpoint_every=5", "train.log_every=1", "train.ema=0.9",
    "train.weight_drop=0.2", "model.dropout=0.3", "train.shards=2", 'storage="float32"',
]  # fmt: skip


@pytest.fixture(autouse=True)
def root(tiny_data, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tiny_data))


def start(recipe: Path, directory: Path, *settings: str) -> list[subprocess.Popen]:
    """Two hosts that train together."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    return [
        subprocess.Popen(
            [
                sys.executable, "-m", "textrnn", "train", recipe, *settings, "--resume",
                "--output", directory, "--hosts", "2", "--host-id", str(host),
                "--coordinator", coordinator,
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
        )
        for host in range(2)
    ]  # fmt: skip


def train(recipe: Path, directory: Path, *settings: str) -> None:
    for process in start(recipe, directory, *settings):
        _, errors = process.communicate()
        assert process.returncode == 0, errors


def assert_close(one: Path, other: Path) -> None:
    expected, found = weights(one), weights(other)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


@pytest.mark.process
def test_two_hosts_equal_one_and_a_killed_run_goes_on(tiny_data, tmp_path):
    """Fails if a host sees rows of the other, if gradients are averaged without weights, if the
    random numbers of a shard depend on its host, or if a checkpoint lacks the part of a host. Also
    if the other host of a killed one does not end, or says nothing."""
    recipe = tiny_data / "tiny.toml"
    alone = textrnn_here("train", recipe, *SETTINGS, "--output", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    train(recipe, tmp_path / "two", *SETTINGS)
    assert_close(tmp_path / "alone", tmp_path / "two")

    killed = tmp_path / "killed"
    first, second = start(recipe, killed, *SETTINGS)
    while not any(entry["step"] > 10 for entry in read_metrics(killed / "metrics.jsonl")):
        assert first.poll() is None, "the run ended before it could be killed"
    second.kill()
    second.communicate()
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 1
    assert re.search(r"textrnn: host 0: another host has stopped.* --resume on all hosts", errors)
    assert not (killed / "bundle").exists()
    train(recipe, killed, *SETTINGS)
    assert same_parameters(weights(tmp_path / "two"), weights(killed))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, 0, None), "--host-id and --coordinator need --hosts"),
        (("two", 0, "10.0.0.1:9000"), "--hosts is 'two'; expected a number, or auto"),
        (("2", None, "10.0.0.1:9000"), "--hosts 2 needs --host-id, from 0 to 1"),
        (("2", 0, None), "needs .* --coordinator"),
        (("2", 2, "10.0.0.1:9000"), "--host-id is 2; expected 0 to 1"),
        (("2", 0, "10.0.0.1"), "--coordinator is '10.0.0.1'; expected ADDRESS:PORT"),
        (("2", 0, "no.such.host.invalid:9000"), "has no route"),
        (("auto", 0, None), "finds --host-id and --coordinator by itself"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)),
)
def test_arguments_that_do_not_fit_together(arguments, message):
    with pytest.raises(UserError, match=message), joined(*arguments):
        pass


def test_shards_that_devices_cannot_share_are_refused_before_the_data_is_read(tmp_path):
    two = {"XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"}
    settings = ["train.devices=2", "train.shards=3", "data.train.0.path=none.csv"]
    done = textrnn("train", "classify", *settings, "--output", tmp_path / "run", **two)
    assert done.returncode == 1
    assert "train.shards is 3, which 2 devices cannot share equally" in done.stderr


def test_options_of_two_engines_are_refused(tiny_data, tmp_path):
    for options in (["--engine", "ray"], ["--workers", "2"]):
        done = textrnn_here("train", tiny_data / "tiny.toml", "--output", tmp_path, *options)
        assert done.returncode == 1
        assert "give --engine ray with --workers" in done.stderr
