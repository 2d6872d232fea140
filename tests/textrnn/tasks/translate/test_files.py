"""Translators on the command line: input and output files, BLEU, and the alignment."""

import json

import pytest

from support.command import textrnn_here as textrnn
from support.reversed_words import reversals


@pytest.fixture
def folder(tmp_path):
    pairs = reversals(20, seed=3)
    (tmp_path / "dev.en").write_text("".join(f"{source}\n" for source, _ in pairs))
    (tmp_path / "dev.de").write_text("".join(f"{target}\n" for _, target in pairs))
    lines = [f"{i}\t{source}\t{target}\n" for i, (source, target) in enumerate(pairs)]
    (tmp_path / "dev.tsv").write_text("id\tsource\ttarget\n" + "".join(lines))
    return tmp_path


def test_evaluate_prints_bleu_and_its_signature(translate_bundle, folder):
    parallel = ("--format", "lines", "--parallel", "dev.de")
    done = textrnn("evaluate", translate_bundle, "dev.en", *parallel, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "BLEU = 100.00 100.0/100.0" in done.stdout
    assert "BLEU nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in done.stdout
    assert "chrF nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:" in done.stdout
    table = json.loads(
        textrnn("evaluate", translate_bundle, "dev.tsv", "--json", cwd=folder).stdout
    )
    assert table["dev.tsv"] == pytest.approx({"bleu": 100, "chrf": 100, "bleu_moses": 100})


def test_files_that_are_not_parallel(translate_bundle, folder):
    (folder / "dev.de").write_text("one\n")
    parallel = ("--format", "lines", "--parallel", "dev.de")
    done = textrnn("evaluate", translate_bundle, "dev.en", *parallel, cwd=folder)
    assert done.returncode == 1
    assert "dev.de: ends after line 1" in done.stderr
    assert done.stderr.count("\n") == 1


def test_text_and_tables_in_tables_out(translate_bundle, folder):
    (folder / "in.txt").write_text("one two\n\nred 5. 7 cat\n" + "dog " * 40 + "\n")
    done = textrnn("score", translate_bundle, "in.txt", "--output", "out.tsv", cwd=folder)
    assert "2 of 4 rows scored; 2 bad rows in out.tsv.errors.jsonl" in done.stdout
    errors = (folder / "out.tsv.errors.jsonl").read_text().splitlines()
    faults = [json.loads(line) for line in errors]
    assert [(fault["line"], "empty" in str(fault)) for fault in faults] == [(2, True), (4, False)]
    done = textrnn("score", translate_bundle, "dev.tsv", "--output", "out.jsonl", cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [row["predicted_text"] for row in rows] == [row["target"] for row in rows]


def test_given_translations_are_scored(translate_bundle, folder):
    done = textrnn(
        "score", translate_bundle, "dev.tsv", "--output", "out.tsv",
        "--option", "score_target=true", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, *rows = (folder / "out.tsv").read_text().splitlines()
    assert head.split("\t")[3:] == [
        "predicted_score", "predicted_perplexity", "predicted_tokens", "predicted_token_scores",
    ]  # fmt: skip
    assert all(float(row.split("\t")[3]) > -3 for row in rows)


def test_predict_draws_the_alignment(translate_bundle):
    done = textrnn("predict", translate_bundle, "one two 17", "--alignment")
    assert done.returncode == 0, done.stderr
    text, *picture = done.stdout.splitlines()
    assert text == "17 two one"
    assert [line.split()[0] for line in picture if line.strip()][-1] == "one"
    assert any(shade in done.stdout for shade in "▒▓█")
    plain = textrnn("predict", translate_bundle, "one two 17")
    assert json.loads(plain.stdout)["text"] == "17 two one"


def test_alignment_requires_a_translator(tiny_bundle):
    done = textrnn("predict", tiny_bundle, "fine", "--alignment")
    assert done.returncode == 1
    assert "alignment" in done.stderr
    assert done.stderr.count("\n") == 1
