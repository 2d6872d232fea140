"""Training on the workers of a real Ray cluster, which is started here."""

import numpy as np
import pytest

from support.bundles import weights
from support.command import textrnn_here

SETTINGS = ["train.epochs=1", "train.shards=2", "model.dropout=0.3", 'storage="float32"']


@pytest.mark.filterwarnings("ignore")
@pytest.mark.process
def test_workers_on_ray_train_the_model_of_one_host(tiny_data, tmp_path, monkeypatch):
    """Fails if the workers do not find each other, or train models of their own."""
    ray = pytest.importorskip("ray", reason="Ray has no build for this Python")
    monkeypatch.setenv("TEXTRNN_DATA", str(tiny_data))
    ray.init(num_cpus=2, include_dashboard=False)
    try:
        for name, *engine in (["alone"], ["ray", "--engine", "ray", "--workers", "2"]):
            done = textrnn_here(
                "train", tiny_data / "tiny.toml", *SETTINGS, "--output", tmp_path / name, *engine
            )
            assert done.returncode == 0, done.stderr
    finally:
        ray.shutdown()
    alone, together = weights(tmp_path / "alone"), weights(tmp_path / "ray")
    for name in alone:
        np.testing.assert_allclose(together[name], alone[name], atol=1e-4)
