"""Training runs in MLflow: settings, metrics by step, pictures and the model."""

import os
import time
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from textrnn.errors import UserError
from training.compare import summarise
from training.log import read_metrics

DEFAULT_STORE = "sqlite:///mlflow.db"
METRICS, PARAMS = 1000, 100
"""As many as MLflow takes at a time."""
LONGEST_VALUE = 6000
"""Characters of a parameter that MLflow takes."""


def track(directory: Path, experiment: str) -> str:
    """Log a run, and its model as the artifact `bundle`; return the id that MLflow gives it.

    The server is that of `MLFLOW_TRACKING_URI`, by default a database `mlflow.db` in the working
    directory. To load the model back:

        textrnn.load(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/bundle"))

    A setting that is longer than MLflow takes is cut; the artifact recipe.toml has it whole. Raises
    UserError if the directory holds no run, or if MLflow fails.
    """
    summary = summarise(directory)
    params = summary.recipe | {f"data {name}": digest for name, digest in summary.data.items()}
    versions = {f"version.{name}": version for name, version in summary.versions.items()}
    values = [Param(_key(key), str(value)[:LONGEST_VALUE]) for key, value in params.items()]
    entries = read_metrics(directory / "metrics.jsonl")
    now = int(time.time() * 1000)
    points = [
        Metric(name, value, now, int(entry["step"]))
        for entry in entries
        for name, value in entry.items()
        if name != "step"
    ]
    try:
        mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_STORE))
        mlflow.set_experiment(experiment)
        with mlflow.start_run(run_name=directory.name) as run:
            client, run_id = mlflow.MlflowClient(), run.info.run_id
            client.log_batch(run_id, tags=[RunTag(*pair) for pair in versions.items()])
            for start in range(0, len(values), PARAMS):
                client.log_batch(run_id, params=values[start : start + PARAMS])
            for start in range(0, len(points), METRICS):
                client.log_batch(run_id, metrics=points[start : start + METRICS])
            for file in sorted(directory.iterdir()):
                if file.suffix in (".png", ".md", ".toml", ".json", ".jsonl"):
                    mlflow.log_artifact(str(file))
            if summary.finished:
                mlflow.log_artifacts(str(directory / "bundle"), "bundle")
    except MlflowException as error:
        raise UserError(f"MLflow refused the run: {str(error).splitlines()[0]}") from None
    return run_id


def _key(name: str) -> str:
    """A name with the characters that MLflow takes."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
