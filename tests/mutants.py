"""Checks that the suite notices bugs: plants one at a time in a copy of the code and runs tests.

    make mutants

Every mutant must make one of its tests fail. Run by hand, after a change of tests of the core.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Mutant(NamedTuple):
    bug: str
    file: str
    code: str
    """Stands exactly once in the file."""
    replacement: str
    tests: str


MUTANTS = (
    Mutant(
        "LSTM: input and forget gate swapped",
        "textrnn/layers/cells/lstm.py",
        "c = 0.5 * ((f + 1) * c + (i + 1) * g)",
        "c = 0.5 * ((i + 1) * c + (f + 1) * g)",
        "tests/textrnn/layers/test_cells.py",
    ),
    Mutant(
        "unroll: a row that has ended changes its carry",
        "textrnn/layers/loops/tokens.py",
        "return jax.tree.map(choose, new, old)",
        "return new",
        "tests/textrnn/layers/test_unroll.py",
    ),
    Mutant(
        "ragged: the first token of a row follows the row before it",
        "textrnn/layers/ragged.py",
        "begins = positions(lengths, len(x)) == 0",
        "begins = jnp.arange(len(x)) == 0",
        "tests/textrnn/layers/test_ragged.py",
    ),
    Mutant(
        "ragged: the maximum of an empty row is that of no row",
        "textrnn/layers/ragged.py",
        "return jnp.where(has_tokens, largest, empty)",
        "return largest",
        "tests/textrnn/layers/test_ragged.py tests/textrnn/tasks/classify/test_task.py",
    ),
    Mutant(
        "batching: a batch has one token too many",
        "textrnn/batching.py",
        'count = int(np.searchsorted(totals, largest.tokens, side="right"))',
        'count = int(np.searchsorted(totals, largest.tokens + 1, side="right"))',
        "tests/textrnn/test_batching.py",
    ),
    Mutant(
        "predictor: the tokens of a row start one too late",
        "textrnn/predictor.py",
        "array[start:end]",
        "array[start + 1 : end + 1]",
        "tests/textrnn/tasks/tag/test_task.py tests/textrnn/tasks/generate/test_task.py",
    ),
    Mutant(
        "attention: padding is attended to",
        "textrnn/layers/attention.py",
        "jnp.where(valid[:, None], self.score(source.keys, queries), MASKED)",
        "self.score(source.keys, queries)",
        "tests/textrnn/layers/test_attention.py",
    ),
    Mutant(
        "tag: the last word of an entity is left out of its offsets",
        "textrnn/tasks/tag/task.py",
        "words.places[end - 1][1]",
        "words.places[max(end - 2, start)][1]",
        "tests/textrnn/tasks/tag/test_task.py tests/service/api/test_tag.py",
    ),
    Mutant(
        "normal form: the first part of a grapheme cluster has its span",
        "textrnn/text/normalized.py",
        "self._ends += [before] * (len(form) - 1) + [end]",
        "self._ends += [end] * len(form)",
        "tests/textrnn/text/test_normalization.py",
    ),
    Mutant(
        "segments: every line break wraps a text",
        "textrnn/text/segments.py",
        "yield wrapped and (prose or _continues(line, following))",
        "yield True",
        "tests/textrnn/text/test_segments.py",
    ),
    Mutant(
        "beam search: long hypotheses are penalised by the length penalty",
        "textrnn/tasks/translate/beam_search.py",
        "score=ends / length_penalty",
        "score=ends * length_penalty",
        "tests/textrnn/tasks/translate/test_beam_search.py",
    ),
    Mutant(
        "data: training and development rows are swapped",
        "training/splits.py",
        "return int.from_bytes(digest[:8]) < fraction * 2**64",
        "return int.from_bytes(digest[:8]) >= fraction * 2**64",
        "tests/training/test_datasets.py",
    ),
    Mutant(
        "limit: a text with one token too many is cut silently",
        "textrnn/tasks/task.py",
        "if tokens > limit and not truncate:",
        "if tokens > limit + 1 and not truncate:",
        "tests/textrnn/test_predictor.py tests/textrnn/tasks/classify/test_task.py",
    ),
    Mutant(
        "status: an invalid text is a 400",
        "service/errors.py",
        "return Problem(422, error.code,",
        "return Problem(400, error.code,",
        "tests/service/api",
    ),
    Mutant(
        "digest: a damaged file of a bundle is loaded",
        "textrnn/bundle/bundle.py",
        "elif digest(path) != expected:",
        "elif not digest(path):",
        "tests/textrnn/bundle/test_bundle.py",
    ),
    Mutant(
        "resume: rows that were scored before are scored again",
        "textrnn/scoring.py",
        "records = islice(records, skip, None)",
        "records = islice(records, 0, None)",
        "tests/textrnn/test_scoring.py",
    ),
    Mutant(
        "metric: the highest loss is the best",
        "textrnn/tasks/metrics.py",
        "return -value if self.lower_is_better else value",
        "return value",
        "tests/training/test_evaluate.py tests/textrnn/tasks/test_metrics.py",
    ),
)


def copy_to(folder: Path) -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, files.decode().split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def is_noticed(mutant: Mutant, folder: Path) -> bool:
    """Whether a test fails with the mutant."""
    path = folder / mutant.file
    code = path.read_text()
    if code.count(mutant.code) != 1:
        sys.exit(f"{mutant.file}: has {mutant.code!r} {code.count(mutant.code)} times, not once")
    path.write_text(code.replace(mutant.code, mutant.replacement))
    command = [sys.executable, "-m", "pytest", "-q", "-x", *mutant.tests.split()]
    # The copy has no native library of its own.
    library = ROOT / "textrnn" / "native" / "libtextrnn.so"
    native = {"TEXTRNN_NATIVE": str(library)} if library.exists() else {}
    environment = {**native, **os.environ, "PYTHONPATH": str(folder)}
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    path.write_text(code)
    if run.returncode not in (0, 1):
        sys.exit(f"{mutant.tests}: could not be run:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    failed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    print(f"{'noticed' if failed else 'SURVIVES'}: {mutant.bug}", *failed[:1], sep="\n    ")
    return bool(failed)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy_to(Path(folder))
        survivors = [mutant for mutant in MUTANTS if not is_noticed(mutant, Path(folder))]
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
