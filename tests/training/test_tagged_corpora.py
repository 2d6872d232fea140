import pytest

from textrnn.errors import UserError
from training.recipe import Source
from training.sources import read_source
from training.tagged_corpora import as_text_row, merge_marked_tokens, rename_types


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    return tmp_path


def rows(root, text, **settings):
    (root / "x.conll").write_text(text)
    return list(read_source(Source(path="x.conll", **settings), "tag"))


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


def test_tags_that_break_their_scheme_are_counted_and_repaired(root, capsys):
    (row,) = rows(root, "a\tI-PER\nb\tI-PER\nc\tO\nd\tI-LOC\n", scheme="IOB2")
    assert row["tags"] == ["I-PER", "I-PER", "O", "I-LOC"]
    assert "2 tags violate IOB2 and were read as conlleval reads them" in capsys.readouterr().err
    rows(root, "a\tI-PER\nb\tI-PER\nc\tO\nd\tI-LOC\n", scheme="IOB1")
    assert capsys.readouterr().err == ""
    rows(root, "a\tI-PER\nb\tI-PER\nc\tO\nd\tI-LOC\n")
    assert capsys.readouterr().err == "", "the scheme is detected as IOB1"
    rows(root, "a\tB-PER\nb\tI-PER\nc\tB-LOC\nd\tI-PER\n")
    assert "1 tags violate IOB2" in capsys.readouterr().err


def test_faulty_lines_are_an_error_or_left_out_and_counted(root, capsys):
    text = "a\tO\n\tO\n\nb\tO\n"
    with pytest.raises(UserError, match=r"x\.conll:2: has an empty token"):
        rows(root, text)
    assert rows(root, text, skip_faulty=True) == [{"tokens": ["b"], "tags": ["O"]}]
    assert "skipped 1 rows" in capsys.readouterr().err


def test_other_tasks_read_sentences_as_text(root):
    (root / "x.conll").write_text("@\tO\nada\tO\nsings\tO\n")
    source = Source(path="x.conll", glue=("@",))
    assert [row["text"] for row in read_source(source, "vectors")] == ["@ada sings"]
    text = "# text = Ada sings.\nAda\tO\nsings\tO\n.\tO\n"
    (root / "x.conll").write_text(text)
    assert [row["text"] for row in read_source(source, "vectors")] == ["Ada sings."]


def test_json_rows_are_read_as_they_are(root):
    (root / "x.jsonl").write_text(
        '{"text": "Bob", "entities": [{"start": 0, "end": 3, "label": "PER"}], "id": 7}\n'
    )
    (row,) = read_source(Source(path="x.jsonl"), "tag")
    assert set(row) == {"text", "entities"}


def test_an_unknown_tag_has_its_line(root):
    with pytest.raises(UserError, match=r"x\.conll:3: unknown tag 'PERSON'"):
        rows(root, "a\tO\n\nb\tPERSON\n", scheme="IOB2")
