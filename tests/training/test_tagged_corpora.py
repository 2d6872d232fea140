import pytest

from support.rows import source_rows
from textrnn.errors import UserError
from training.findings import Findings
from training.recipe import Source
from training.sources import read_source
from training.tagged_corpora import as_text_row, merge_marked_tokens, rename_types


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    return tmp_path


def rows(root, text, **settings):
    (root / "x.conll").write_text(text)
    return source_rows(Source(path="x.conll", **settings), "tag")


def found(root, text, **settings):
    """The findings in a file, as (kind, outcome, count, first detail)."""
    (root / "x.conll").write_text(text)
    findings = Findings()
    list(read_source(Source(path="x.conll", **settings), "tag", findings))
    return [(f.kind, f.outcome, f.count, f.examples[0].detail) for f in findings.all()]


def test_marks_are_merged_with_the_next_token():
    assert merge_marked_tokens(["@", "@", "a", "#", "b", "@"], list("123456"), ["@", "#"]) == (
        ["@@", "a", "#b", "@"], ["1", "3", "4", "6"],
    )  # fmt: skip


def test_types_are_renamed_and_dropped():
    tags = ["B-person", "I-person", "O", "B-product", "B-group"]
    assert rename_types(tags, {"person": "PER", "group": "ORG"}, ["product"]) == [
        "B-PER", "I-PER", "O", "O", "B-ORG",
    ]  # fmt: skip


def test_tokens_become_text_with_entity_offsets():
    row = as_text_row(["Bob", "'s", "Rome", "."], ["B-PER", "O", "B-LOC", "O"], "Bob's  Rome.")
    assert row["text"] == "Bob's  Rome."
    assert [(e["start"], e["end"], e["label"]) for e in row["entities"]] == [
        (0, 3, "PER"), (7, 11, "LOC"),
    ]  # fmt: skip
    row = as_text_row(["Bob", "'s", "Rome", "."], ["B-PER", "O", "B-LOC", "O"], None)
    assert row["text"] == "Bob's Rome."
    with pytest.raises(UserError, match="expected 'Rome' in the text at character 0"):
        as_text_row(["Rome"], ["O"], "Paris")


def test_tags_that_break_their_scheme_are_counted_and_repaired(root):
    first = "a\tI-PER\nb\tI-PER\nc\tO\nd\tI-LOC\n"
    (row,) = rows(root, first, scheme="IOB2")
    assert row["tags"] == ["I-PER", "I-PER", "O", "I-LOC"]
    assert found(root, first, scheme="IOB2") == [
        ("repaired_tags", "counted", 1, "2 tags violate IOB2"),
    ]  # fmt: skip
    assert found(root, first, scheme="IOB1") == []
    assert found(root, first) == [], "the scheme is detected as IOB1"
    assert found(root, "a\tB-PER\nb\tI-PER\nc\tB-LOC\nd\tI-PER\n") == [
        ("repaired_tags", "counted", 1, "1 tags violate IOB2"),
    ]  # fmt: skip


def test_faulty_lines_are_an_error_or_left_out_and_counted(root):
    text = "a\tO\n\tO\n\nb\tO\n"
    with pytest.raises(UserError, match=r"x\.conll:2: has an empty token"):
        rows(root, text)
    assert rows(root, text, skip_faulty=True) == [{"tokens": ["b"], "tags": ["O"]}]
    assert found(root, text, skip_faulty=True) == [
        ("unreadable", "left out", 1, "has an empty token"),
    ]  # fmt: skip


def test_other_tasks_read_sentences_as_text(root):
    (root / "x.conll").write_text("@\tO\nada\tO\nsings\tO\n")
    source = Source(path="x.conll", glue=("@",))
    assert [row["text"] for row in source_rows(source, "vectors")] == ["@ada sings"]
    text = "# text = Ada sings.\nAda\tO\nsings\tO\n.\tO\n"
    (root / "x.conll").write_text(text)
    assert [row["text"] for row in source_rows(source, "vectors")] == ["Ada sings."]


def test_json_rows_are_read_as_they_are(root):
    (root / "x.jsonl").write_text(
        '{"text": "Bob", "entities": [{"start": 0, "end": 3, "label": "PER"}], "id": 7}\n'
    )
    (row,) = source_rows(Source(path="x.jsonl"), "tag")
    assert set(row) == {"text", "entities"}


def test_an_unknown_tag_has_its_line(root):
    with pytest.raises(UserError, match=r"x\.conll:3: unknown tag 'PERSON'"):
        rows(root, "a\tO\n\nb\tPERSON\n", scheme="IOB2")
