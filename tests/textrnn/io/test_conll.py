import random
from pathlib import Path

import pytest

from textrnn.io.conll import parse_conll, parse_conllu, write_columns
from textrnn.io.formats import read_records
from textrnn.io.lines import Line

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
    return [Line(*pair) for pair in enumerate(text.splitlines(keepends=True), start=1)]


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


@pytest.mark.parametrize(
    "text",
    [
        "-DOCSTART- -X- O O\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP I-PER\n",
        "EU NNP I-NP I-ORG\nrejects VBZ I-VP O\n-DOCSTART- -X- O O\nPeter NNP I-NP I-PER\n",
        "-DOCSTART-\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n-DOCSTART-\n\n\nPeter X I-NP I-PER",
        "-DOCSTART-\tO\r\nEU\tI-ORG\r\nrejects\tO\r\n\r\n-DOCSTART-\tO\r\nPeter\tI-PER",
    ],
)
def test_the_start_of_a_document_separates_sentences_and_hides_none(text):
    """Fails if the sentence in the same block as -DOCSTART- is lost, or takes its columns from
    it."""
    sentences = [record.fields["tokens"] for record in parse_conll(numbered(text))]
    assert sentences == [["EU", "rejects"], ["Peter"]]


@pytest.mark.parametrize(
    "line",
    [
        "# NN O",
        "#\tO",
        "#newparents\tO",
        "#newdoctor\tB-PER",
        "#newpar O",
        "#a=b\tO",
        "-DOCSTART-s\tO",
    ],
)
@pytest.mark.parametrize("place", ["first", "second"])
def test_a_token_that_looks_like_a_comment_is_a_token(line, place):
    """Fails if a hashtag or a number sign is taken for a comment and lost."""
    other = line.replace(line.split()[0], "1", 1)
    text = f"{line}\n{other}\n" if place == "first" else f"{other}\n{line}\n"
    (only,) = parse_conll(numbered(text))
    assert sorted(only.fields["tokens"]) == sorted([line.split()[0], "1"])


def test_every_line_before_the_tokens_of_conllu_that_begins_with_a_hash_is_a_comment():
    """Fails if a comment without a key costs its sentence."""
    (only,) = parse_conllu(numbered("# checked by hand\n#newpar\n" + CONLLU))
    assert only.error is None
    assert only.fields["text"] == "Don't go."


@pytest.mark.parametrize(
    ("parse", "token"),
    [
        (parse_conll, "w{0}\tO"),
        (parse_conllu, "{0}\tw{0}\t_\tX\t_\t_\t_\t_\t_\t_"),
    ],
)
@pytest.mark.parametrize("seed", range(20))
def test_every_token_line_is_in_a_sentence_or_in_an_error(parse, token, seed):
    """Lines of all kinds in random order. Fails if a line with a token is neither in a sentence nor
    in the block of a reported one."""
    draw = random.Random(seed)
    kinds = ["\n", "# text = a\n", "# remark\n", "-DOCSTART-\tO\n", "lonely\n"]
    kinds += [f"{token}\n", f"{token}\r\n"] * 4
    lines = [draw.choice(kinds).format(number) for number in range(1, 100)]
    records = list(parse([Line(*pair) for pair in enumerate(lines, start=1)]))
    read = {token for record in records for token in record.fields.get("tokens", ())}
    reported = {record.line for record in records if record.error}
    blocks: list[list[int]] = [[]]
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (parse is parse_conll and line.startswith("-DOCSTART-")):
            blocks.append([])
        else:
            blocks[-1].append(number)
    assert any(record.error for record in records)
    assert read
    for block in blocks:
        words = {f"w{number}" for number in block if f"w{number}" in lines[number - 1]}
        assert words <= read or reported & set(block)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a O\nb\n\nc O\n", 2, "has 1 columns, expected 2: tokens, tags"),
        ("a\tO\nb\tx\tO\n\nc\tO\n", 2, "has 3 columns, expected 2"),
        ("a\tO\n\tO\n\nc\tO\n", 2, "has an empty token"),
        ("a\tO\nNew York\tB-LOC\n\nc\tO\n", 2, "has a token that contains white space: 'New York'"),
        ("a\tO\nb\t\n\nc\tO\n", 2, "has an empty tag"),
        ("a\tO\nb\tO\rx\tO\n\nc\tO\n", 2, "has a carriage return inside"),
        ("a O\nb O\rx O\n\nc O\n", 2, "has a carriage return inside"),
        ("a O\n# text = b\nb O\n\nc O\n", 2, "has 4 columns"),
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
