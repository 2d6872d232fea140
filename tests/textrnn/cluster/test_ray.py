"""The Ray engine, on a real local cluster."""

import pytest

from support.data import sentences, write_csv
from textrnn import scoring
from textrnn.errors import UserError
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


@pytest.mark.filterwarnings("ignore")
@pytest.mark.process
def test_a_dataset_gets_the_answers_of_the_library(cluster, tiny_bundle, warm_predictor):
    """Fails if rows are lost or mixed up, or if one that cannot be read stops the others."""
    import ray.data

    from textrnn.ray import map_batches

    texts = [text for text, _ in sentences(40, seed=6)]
    rows = [{"id": number, "review": text} for number, text in enumerate([*texts, ""])]
    dataset = ray.data.from_items(rows, override_num_blocks=3)
    model = str(tiny_bundle)
    answered = map_batches(dataset, model, columns={"text": "review"}, workers=2, batch_size=16)
    *good, bad = sorted(answered.take_all(), key=lambda row: row["id"])
    assert [row["review"] for row in good] == texts
    expected = [answer["label"] for answer in warm_predictor.predict(texts)]
    assert [row["predicted_label"] for row in good] == expected
    assert {row["predicted_error"] for row in good} == {None}
    assert (bad["predicted_label"], bad["predicted_score"]) == (None, None)
    assert "empty" in bad["predicted_error"]

    for arguments, message in (
        ({"columns": {"text": "comment"}}, "no column 'comment'; the columns are id, review"),
        ({}, "no column text, only id, review; name one"),
        ({"columns": {"text": "review"}, "options": {"top": 3}}, "options: "),
    ):
        with pytest.raises(UserError, match=message):
            map_batches(dataset, model, **arguments)
