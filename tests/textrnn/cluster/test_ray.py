"""The Ray engine, on a real local cluster."""

import pytest

from support.data import sentences, write_csv
from textrnn import scoring
from textrnn.scoring import local, score


@pytest.fixture
def cluster():
    """A local cluster of two workers. Its threads and sockets are not checked for leaks."""
    ray = pytest.importorskip("ray", reason="Ray has no build for this Python")
    yield ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.shutdown()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.process
def test_many_workers_write_the_same_file_as_one(
    cluster, tiny_bundle, warm_predictor, tmp_path, monkeypatch
):
    """Fails if answers are out of order, duplicated or missing, or if a bad row is lost."""
    from textrnn.cluster.ray import on_ray

    monkeypatch.setattr(scoring, "CHUNK", 16)
    rows = sentences(300, seed=5)
    rows[100] = ("", "friendly")
    source = write_csv(tmp_path / "rows.csv", rows)
    written = []
    for name, runner in [("ray", on_ray(str(tiny_bundle))), ("local", local(warm_predictor))]:
        output = tmp_path / f"{name}.csv"
        done = score(warm_predictor.task, runner, [source], output, identity="weights-1")
        assert (done.rows, done.bad) == (299, 1)
        written.append(output.read_bytes())
    assert written[0] == written[1]
