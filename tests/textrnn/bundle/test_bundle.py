import json
import os
import shutil

import numpy as np
import pytest
import safetensors.numpy

import textrnn
from support.bundles import same_parameters
from support.kills import Killed, kill_at
from support.tiny_models import BUNDLES
from textrnn.bundle import Probe, find_bundle, load_bundle, save_bundle
from textrnn.errors import BundleError, UserError
from textrnn.io.files import digest

PARAMETERS = [
    "embedding.table",
    "encoder.layers.0.backward.bias",
    "encoder.layers.0.backward.input_kernel",
    "encoder.layers.0.backward.recurrent_kernel",
    "encoder.layers.0.forward.bias",
    "encoder.layers.0.forward.input_kernel",
    "encoder.layers.0.forward.recurrent_kernel",
    "output.bias",
    "output.kernel",
]


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "copy")


def rewrite(path, change):
    """Change bundle.json, as if it had been saved with these values."""
    info = json.loads((path / "bundle.json").read_text())
    change(info)
    (path / "bundle.json").write_text(json.dumps(info))


def rewrite_file(path, name, content):
    """Change a file and its digest, as if it had been saved so."""
    (path / name).write_text(content)
    rewrite(path, lambda info: info["files"].update({name: digest(path / name)}))


def rewrite_weights(path, change):
    """Change the weights and their digest, so that only names and values reveal it."""
    file = path / "weights.safetensors"
    arrays = safetensors.numpy.load_file(file)
    change(arrays)
    safetensors.numpy.save_file(arrays, file)
    rewrite(path, lambda info: info["files"].update({file.name: digest(file)}))


def test_parameter_names_are_a_file_format(tiny_bundle):
    """Fails if a rename in the code makes saved models unreadable."""
    assert sorted(load_bundle(tiny_bundle).params) == PARAMETERS


def test_a_loaded_bundle_reproduces_its_probes(tiny_bundle, predictor):
    bundle = load_bundle(tiny_bundle)
    assert len(bundle.probes) == 2
    for probe in bundle.probes:
        (answer,) = predictor.predict_rows([probe.row])
        assert answer["label"] == probe.answer["label"]
        assert answer["score"] == pytest.approx(probe.answer["score"], abs=1e-5)


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_saved_and_loaded_answers_are_equal(tiny_bundle, tmp_path, storage):
    """Fails if answers before saving and after loading differ, rounding of the storage included."""
    from textrnn.bundle import as_stored
    from textrnn.predictor import Predictor

    bundle = load_bundle(tiny_bundle)
    params = as_stored(bundle.params, storage)
    info = bundle.info.model_copy(update={"storage": storage})
    save_bundle(tmp_path / "again", info, bundle.task, params, bundle.probes)
    texts = ["a lovely scene", "the ending was poor and the plot awful"]
    assert textrnn.load(tmp_path / "again").predict(texts) == Predictor(
        bundle.task, params
    ).predict(texts)


def test_storage_types_have_the_expected_size(tiny_bundle, tmp_path):
    bundle = load_bundle(tiny_bundle)
    sizes = {}
    for storage in ("float32", "float16", "int8"):
        info = bundle.info.model_copy(update={"storage": storage})
        save_bundle(tmp_path / storage, info, bundle.task, bundle.params, [])
        arrays = safetensors.numpy.load_file(tmp_path / storage / "weights.safetensors")
        sizes[storage] = arrays["embedding.table"].nbytes
    assert sizes["float32"] == 2 * sizes["float16"] == 4 * sizes["int8"]


@pytest.mark.parametrize("file", ["weights.safetensors", "tokenizer/words.json", "probe.json"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing"])
def test_damage_is_one_clear_error(copy, file, damage):
    path = copy / file
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(data[:-7])
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.raises(UserError, match=file) as caught:
        textrnn.load(copy)
    assert "\n" not in str(caught.value)


def test_all_damage_is_reported_at_once(copy):
    (copy / "probe.json").unlink()
    (copy / "tokenizer" / "words.json").write_text("[]")
    with pytest.raises(UserError, match=r"probe\.json is missing.*|words\.json differs") as caught:
        textrnn.load(copy)
    assert "probe.json" in str(caught.value)
    assert "words.json" in str(caught.value)


def test_all_weight_mismatches_are_reported_at_once(copy):
    def change(arrays):
        del arrays["output.bias"]
        arrays["stranger"] = np.zeros(3, np.float32)
        arrays["output.kernel"] = arrays["output.kernel"][:-1]
        arrays["embedding.table"] = arrays["embedding.table"].astype(np.float32)

    rewrite_weights(copy, change)
    with pytest.raises(UserError) as caught:
        textrnn.load(copy)
    for part in (
        "output.bias is missing",
        "stranger is not a parameter of this model",
        "output.kernel is float16[31, 2], expected float16[32, 2]",
        "embedding.table is float32",
    ):
        assert part in str(caught.value)


def test_weights_that_are_not_finite_are_reported(copy):
    rewrite_weights(copy, lambda arrays: arrays["output.bias"].fill(np.nan))
    with pytest.raises(UserError, match=r"output\.bias contains values that are not finite"):
        textrnn.load(copy)


def test_an_invalid_weights_file_is_one_clear_error(copy):
    file = copy / "weights.safetensors"
    file.write_bytes(b"\x80\x04pickle")
    rewrite(copy, lambda info: info["files"].update({file.name: digest(file)}))
    with pytest.raises(UserError, match="not a safetensors file"):
        textrnn.load(copy)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda info: info.update(format=3), "format 3, but this version reads format 2"),
        (lambda info: info.update(format=1), "buckets: key 'lengths' is missing"),
        (lambda info: info.pop("format"), "format None"),
        (lambda info: info.pop("metrics"), "'metrics' is missing"),
        (lambda info: info.update(extra=1), "unknown key 'extra'"),
        (lambda info: info.update(task="dance"), "unknown task 'dance'"),
        (lambda info: info["config"].update(poolings=["max"]), "did you mean 'pooling'"),
        (lambda info: info.update(tokenizer="runes"), "unknown tokenizer kind"),
    ],
)
def test_an_invalid_bundle_json_is_one_clear_error(copy, change, reason):
    rewrite(copy, change)
    with pytest.raises(UserError, match=reason):
        textrnn.load(copy)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda info: info.update(files={}), "weights.safetensors has no digest in bundle.json"),
        (lambda info: info.update(files={}), "tokenizer/words.json has no digest"),
        (lambda info: info["files"].pop("probe.json"), "probe.json has no digest"),
        (lambda info: info["files"].update({"../copy/probe.json": "0" * 64}), "is outside of the"),
        (lambda info: info["files"].update({"/etc/passwd": "0" * 64}), "is outside of the bundle"),
        (lambda info: info["files"].update({"tokenizer": "0" * 64}), "is not a plain file"),
        (lambda info: info["files"].update({"no": "0" * 64}), "no is missing"),
        (lambda info: info["config"]["encoder"].update(hidden=30_000), "expected float16\\[30000"),
        (lambda info: info["config"]["encoder"].update(hidden=10**8), "expected float16"),
        (lambda info: info["config"]["encoder"].update(hidden=10**30), "no model can be built"),
        (lambda info: info["config"]["encoder"].update(layers=10**6), "less than or equal to 100"),
        (
            lambda info: info["config"]["encoder"].update(layers=3),
            "layers.2.forward.bias is missing",
        ),
        (lambda info: info["limits"].update(rows=10**9), "limits.rows is 1000000000, the largest"),
        (lambda info: info["limits"].update(tokens=10**12), "limits.tokens is"),
        (lambda info: info.update(training=json.loads("[" * 40 + "]" * 40)), "more than 32 levels"),
    ],
)
def test_a_bundle_json_that_promises_too_much_is_one_clear_error(copy, change, reason):
    """Fails if a file that is loaded has no digest, if memory is taken for a size before it is
    compared with the weights, or on any exception but BundleError."""
    rewrite(copy, change)
    with pytest.raises(BundleError, match=reason):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["bundle.json", "probe.json", "tokenizer/words.json"])
@pytest.mark.parametrize(
    "content",
    [DEEP, "[" * 900 + "]" * 900, "", "{", "7", "null", "[7]", '[{"row": 1, "answer": 1}]', "\x00"],
)
def test_hostile_json_is_one_clear_error(copy, name, content):
    """With the right digest. Fails on any exception but BundleError."""
    if name == "bundle.json":
        (copy / name).write_text(content)
    else:
        rewrite_file(copy, name, content)
    with pytest.raises(BundleError) as caught:
        load_bundle(copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["bundle.json", "probe.json", "weights.safetensors", "tokenizer/words.json"]
)
@pytest.mark.parametrize("kind", ["fifo", "directory", "dangling link"])
def test_a_file_of_another_kind_is_one_clear_error(copy, name, kind):
    """Fails if the program waits for the writer of a pipe."""
    (copy / name).unlink()
    if kind == "fifo":
        os.mkfifo(copy / name)
    elif kind == "directory":
        (copy / name).mkdir()
    else:
        (copy / name).symlink_to("nowhere")
    with pytest.raises(BundleError, match=r"is not a plain file|is missing"):
        load_bundle(copy)


def test_a_bundle_is_found_where_an_interrupted_save_left_it(copy):
    """On a file system that cannot exchange directories, between the two renames."""
    copy.rename(copy.with_name(".copy.old"))
    assert load_bundle(copy).info.name == "tiny"


def as_format_1(info):
    """The limits as the grid of shapes that format 1 had."""
    limits = info.pop("limits")
    length, width = limits.pop("length"), limits.pop("width")
    info["buckets"] = {"lengths": [16, length], "widths": sorted({1, width}), **limits}
    info["format"] = 1


@pytest.mark.parametrize("name", ["tiny", "tiny-tag", "tiny-translate", "tiny-generate"])
def test_bundles_of_format_1_are_read(tmp_path, name):
    """Fails if a bundle that an earlier version saved is refused or has other limits."""
    saved = shutil.copytree(BUNDLES / name, tmp_path / name)
    rewrite(saved, as_format_1)
    old, new = load_bundle(saved), load_bundle(BUNDLES / name)
    assert old.info == new.info
    assert old.task.limits == new.task.limits
    assert same_parameters(old.params, new.params)
    assert old.probes == new.probes


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda buckets: buckets.update(lengths=[]), "lengths"),
        (lambda buckets: buckets.update(widths=4), "widths"),
        (lambda buckets: buckets.update(rows=0), "rows"),
        (lambda buckets: buckets.update(lengths=[10**6]), "does not fit"),
        (lambda buckets: buckets.update(height=4), "unknown key 'height'"),
    ],
)
def test_an_invalid_bundle_of_format_1_is_one_clear_error(copy, change, reason):
    rewrite(copy, as_format_1)
    rewrite(copy, lambda info: change(info["buckets"]))
    with pytest.raises(UserError, match=reason):
        textrnn.load(copy)


def test_a_directory_without_bundle_is_one_clear_error(tmp_path):
    with pytest.raises(UserError, match=r"bundle\.json is missing"):
        textrnn.load(tmp_path)
    (tmp_path / "bundle.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        textrnn.load(tmp_path)
    with pytest.raises(UserError, match="give the directory of a bundle or one of"):
        textrnn.load("no-such-model")


def test_a_model_name_is_never_joined_to_a_path():
    with pytest.raises(UserError, match="no model"):
        find_bundle("../pretrained/no-such-model")


def test_saving_is_atomic(tiny_bundle, copy, monkeypatch):
    """Fails if a full disk while saving changes the old bundle or leaves a partial one."""
    import errno

    from textrnn.bundle import weights

    before = {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    bundle = load_bundle(tiny_bundle)
    real = weights.write_weights

    def full(path, packed):
        real(path, packed)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights, "write_weights", full)
    with pytest.raises(UserError, match="cannot be saved: No space left on device"):
        save_bundle(copy, bundle.info, bundle.task, bundle.params, [Probe({"text": "x"}, {})])
    monkeypatch.undo()
    after = {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    assert after == before
    assert [p.name for p in copy.parent.iterdir()] == ["copy"]
    save_bundle(copy, bundle.info, bundle.task, bundle.params, [])
    assert load_bundle(copy).probes == []
    assert [p.name for p in copy.parent.iterdir()] == ["copy"]


@pytest.mark.parametrize("exchanges", [True, False], ids=["exchange", "two renames"])
def test_a_save_that_is_killed_at_any_step_leaves_a_bundle(tiny_bundle, copy, exchanges):
    """Fails if there is a moment without a complete bundle, or if what a kill leaves behind hinders
    the next save."""
    bundle = load_bundle(tiny_bundle)
    step, killed, counts = 0, True, set()
    while killed:
        probes = [Probe({"text": "x"}, {})] * (step + 3)
        before = load_bundle(copy).probes
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, step, exchanges)
            try:
                save_bundle(copy, bundle.info, bundle.task, bundle.params, probes)
                killed = False
            except Killed:
                killed = True
        after = load_bundle(copy).probes
        assert after in (before, probes)
        counts.add(len(after) == len(probes))
        step += 1
    assert counts == {True, False}, "some kills come before the new bundle is there, and some after"
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_the_card_has_front_matter_and_metrics(fresh_bundle):
    """Fails if the card lacks its front matter, or a number differs from bundle.json."""
    card = (fresh_bundle / "README.md").read_text()
    info = load_bundle(fresh_bundle).info
    front = card.split("---")[1]
    assert 'license: "Apache-2.0"' in front
    assert 'pipeline_tag: "text-classification"' in front
    index = json.loads(front.split("model-index: ")[1].splitlines()[0])
    assert index[0]["results"][0]["metrics"][0]["value"] == info.metrics["heldout"]["accuracy"]
    for part in ("made-up sentences", "CC0-1.0", "expected calibration error", "seed 0", "MB"):
        assert part in card


def test_files_have_the_permissions_of_the_umask(fresh_bundle, tmp_path):
    """Fails if a server under another user cannot load a saved bundle."""
    (tmp_path / "plain").touch()
    expected = (tmp_path / "plain").stat().st_mode
    assert {p.stat().st_mode for p in fresh_bundle.rglob("*") if p.is_file()} == {expected}
