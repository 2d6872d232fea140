from pathlib import Path

import pytest

from textrnn.io.conll import parse_conll, parse_conllu, write_columns
from textrnn.io.formats import read_records

COLUMNS = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O

Peter NNP I-NP I-PER
"""
UNIVERSAL = """# newdoc id = a
# sent_id = a-1
# text = In Rome.
1\tIn\tO\t-\t-
2\tRome\tB-LOC\t-\tann
3\t.\tO\t-\t-
"""
CONLLU = """# text = Don't go.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVBP\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No
3.1\tx\t_\tX\t_\t_\t_\t_\t_\t_
4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_
"""


def numbered(text):
    return enumerate(text.splitlines(keepends=True), start=1)


def test_columns_between_spaces_or_tabs():
    first, second = parse_conll(numbered(COLUMNS))
    assert first.fields == {"tokens": ["EU", "rejects"], "tags": ["I-ORG", "O"]}
    assert (first.line, second.line) == (3, 6)


def test_named_columns_and_the_text_of_a_comment():
    (only,) = parse_conll(numbered(UNIVERSAL), ("id", "tokens", "tags", "-", "annotator"))
    assert only.fields == {
        "tokens": ["In", "Rome", "."], "tags": ["O", "B-LOC", "O"], "text": "In Rome.",
    }  # fmt: skip


def test_conllu_skips_ranges_and_empty_nodes():
    (only,) = parse_conllu(numbered(CONLLU))
    assert only.fields["tokens"] == ["Do", "n't", "go", "."]
    assert only.fields["tags"] == ["AUX", "PART", "VERB", "PUNCT"]
    assert only.fields["xpos"] == ["VBP", "RB", "VB", "."]
    assert only.fields["text"] == "Don't go."


def test_a_hash_in_the_token_column_is_a_token():
    (only,) = parse_conll(numbered("# NN O\n1 CD O\n"))
    assert only.fields["tokens"] == ["#", "1"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a O\nb\n\nc O\n", 2, "has 1 columns, expected 2: tokens, tags"),
        ("a\tO\nb\tx\tO\n\nc\tO\n", 2, "has 3 columns, expected 2"),
        ("a\tO\n\tO\n\nc\tO\n", 2, "has an empty token"),
        ("a\tO\nNew York\tB-LOC\n\nc\tO\n", 2, "has a token that contains white space: 'New York'"),
        ("a\tO\nb\t\n\nc\tO\n", 2, "has an empty tag"),
    ],
)
def test_a_malformed_sentence_is_reported_with_its_line(tmp_path, text, line, reason):
    path = tmp_path / "x.conll"
    path.write_text(text)
    faulty, sound = read_records(path)
    assert faulty.line == line
    assert faulty.error is not None
    assert reason in faulty.error
    assert sound.fields == {"tokens": ["c"], "tags": ["O"]}


def test_ragged_conllu(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_text("1\tDo\tdo\tAUX\n")
    (record,) = read_records(path)
    assert record.error is not None
    assert "has 4 columns, expected 10" in record.error


def test_one_column_is_an_error(tmp_path):
    path = tmp_path / "x.conll"
    path.write_text("a\nb\n")
    (record,) = read_records(path)
    assert record.error is not None
    assert "columns" in record.error


def test_iob2_files_are_universal_ner(tmp_path):
    path = Path(tmp_path / "x.iob2")
    path.write_text(UNIVERSAL)
    (record,) = read_records(path)
    assert record.fields["tags"] == ["O", "B-LOC", "O"]


def test_written_sentences_can_be_read():
    text = write_columns(["In", "Rome"], ["O", "B-LOC"], ["O", "O"])
    (only,) = parse_conll(numbered(text), ("tokens", "gold", "tags"))
    assert only.fields == {"tokens": ["In", "Rome"], "tags": ["O", "O"]}
    with pytest.raises(ValueError, match="white space"):
        write_columns(["New York"], ["O"])
