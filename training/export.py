"""Export: the best weights become a bundle, calibrated and measured as they are stored."""

from importlib.metadata import version
from pathlib import Path

from textrnn.bundle import FORMAT, BundleInfo, DataSource, Probe, Provenance, as_stored, save_bundle
from textrnn.parameters import Params, count_parameters
from textrnn.predictor import Predictor
from training.evaluate import calibrate
from training.fingerprints import fingerprints
from training.speed import machine, measure
from training.train import Prepared


def finish(
    prepared: Prepared, params: Params, seconds: float, directory: Path
) -> tuple[BundleInfo, Predictor]:
    """Save the bundle. Its metrics, speed and probes are those of the weights as stored."""
    recipe = prepared.recipe
    params = as_stored(params, recipe.storage)
    predictor = Predictor(prepared.task, params)
    task, metrics = calibrate(predictor, prepared.dev, thorough=True)
    predictor = predictor.recalibrated(task)
    answers = predictor.predict_rows({"text": text} for text in recipe.probes)
    probes = [
        Probe({"text": text}, answer) for text, answer in zip(recipe.probes, answers, strict=True)
    ]
    info = BundleInfo(
        format=FORMAT,
        name=recipe.name,
        description=recipe.description,
        task=recipe.task,
        languages=recipe.languages,
        licence=recipe.licence,
        config=task.config.model_dump(mode="json"),
        tokenizer=task.tokenizer.kind,
        limits=recipe.limits,
        storage=recipe.storage,
        parameters=count_parameters(params),
        metrics=metrics,
        speed=measure(predictor),
        training=_provenance(prepared, seconds),
        files={},
    )
    return save_bundle(directory, info, task, params, probes), predictor


def _provenance(prepared: Prepared, seconds: float) -> Provenance:
    recipe = prepared.recipe
    parts = [recipe.data.train, *recipe.data.dev.values()]
    digests = {name: digest for p in parts for s in p for name, digest in fingerprints(s).items()}
    rows = {"train": prepared.train, **prepared.dev}
    return Provenance(
        recipe=recipe.model_dump(mode="json", exclude_none=True),
        data=tuple(
            DataSource(name=n, licence=licence) for n, licence in recipe.data.licences.items()
        ),
        fingerprints=digests,
        rows={name: len(part) for name, part in rows.items()},
        versions={name: version(name) for name in ("textrnn", "jax", "jaxlib", "flax", "optax")},
        device=machine(),
        seconds=round(seconds, 1),
    )
