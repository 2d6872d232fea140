"""Runs in MLflow, in a database of its own."""

import shutil

import pytest

import textrnn
from support.command import textrnn_here
from textrnn.errors import UserError
from training.log import read_metrics

mlflow = pytest.importorskip("mlflow")


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """As for a user who has set nothing but the server."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)  # where MLflow puts artifacts


@pytest.mark.filterwarnings("ignore")
def test_a_run_in_mlflow_has_its_settings_metrics_and_model(tiny_run, tmp_path):
    """Fails if a value is lost or cut, or if the model that comes back is another one."""
    from training.tracking import track

    run_id = track(tiny_run, "tests")
    run = mlflow.get_run(run_id)
    assert run.data.params["train.seed"] == "0"
    assert run.data.params["model.encoder.cell"] == "lstm"
    assert run.data.tags["version.jax"]
    losses = [
        entry["loss"] for entry in read_metrics(tiny_run / "metrics.jsonl") if "loss" in entry
    ]
    found = mlflow.MlflowClient().get_metric_history(run_id, "loss")
    assert [point.value for point in sorted(found, key=lambda p: p.step)] == losses
    names = {file.path for file in mlflow.MlflowClient().list_artifacts(run_id)}
    assert {"bundle", "curves.png", "report.md", "recipe.toml"} <= names
    folder = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/bundle")
    texts = ["what a lovely film", "an awful plot"]
    expected = textrnn.load(tiny_run / "bundle").predict(texts)
    assert textrnn.load(folder).predict(texts) == expected


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_is_not_finished_has_no_model(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "begun", ignore=shutil.ignore_patterns("bundle"))
    done = textrnn_here("runs", "track", tmp_path / "begun", "--experiment", "tests")
    assert done.returncode == 0, done.stderr
    assert "of tests" in done.stdout


@pytest.mark.filterwarnings("ignore")
def test_a_server_that_does_not_answer_is_an_error(tiny_run, monkeypatch):
    from training.tracking import track

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match="MLflow refused the run"):
        track(tiny_run, "tests")
