import gzip

import pytest

from support.rows import load_rows, source_rows
from textrnn.errors import UserError
from training.fingerprints import fingerprints
from training.recipe import Data, Source
from training.trees import detokenize, phrases

TREE = "(3 (2 It) (4 (4 (2 's) (4 (3 lovely) (2 film))) (2 .)))"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    return tmp_path


def rows(task="classify", **settings):
    return source_rows(Source.parse(settings, source="test"), task)


def test_columns_labels_and_markup(root):
    """Fails if a key of a source is ignored, or applied to the wrong field."""
    (root / "a.tsv").write_text("7\ta<br />b\t1\n8\tc\t0\n9\td\t2\n")
    result = rows(
        path="a.tsv", columns=["id", "review", "g"], fields={"text": "review", "label": "g"},
        label_names={"0": "bad", "1": "good"}, drop_labels=["2"], replace={"<br />": " "},
    )  # fmt: skip
    assert result == [{"text": "a b", "label": "good"}, {"text": "c", "label": "bad"}]


def test_one_label_for_a_whole_file_and_repeats(root):
    (root / "a.txt").write_text("x\ny\n")
    result = rows(path="a.txt", values={"label": "good"}, repeat=2, rows=1)
    assert result == [{"text": "x", "label": "good"}] * 2


def test_several_labels_by_number(root):
    (root / "names.txt").write_text("joy\nfear\nlove\n")
    (root / "a.tsv").write_text("x\t0,2\ny\t1\n")
    result = rows(
        path="a.tsv", columns=["text", "labels"], label_separator=",", label_names="names.txt"
    )
    assert [row["labels"] for row in result] == [["joy", "love"], ["fear"]]


def test_trees_give_sentences_or_all_phrases(root):
    (root / "a.txt").write_text(TREE + "\n")
    sentence = rows(path="a.txt", format="trees", detokenize=True)
    assert sentence == [{"text": "It's lovely film.", "label": "3"}]
    labels = {row["text"]: row["label"] for row in rows(path="a.txt", format="trees", phrases=True)}
    assert labels["lovely film"] == "4"
    assert labels["It"] == "2"
    assert len(labels) == 9
    (root / "b.txt").write_text("(3 (2 a)\n")
    with pytest.raises(UserError, match=r"b\.txt:1: is not a labelled tree: a bracket"):
        rows(path="b.txt", format="trees")


@pytest.mark.parametrize("tree", ["", "a b", "(3 (2 a) (4 b)", "(3 a))", "(3 a) (2 b))"])
def test_a_broken_tree_is_an_error(tree):
    with pytest.raises(ValueError, match=r"bracket|no tree|found"):
        phrases(tree)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("It 's `` good '' -LRB- I ca n't lie -RRB- .", "It's \"good\" (I can't lie)."),
        ("Is it ... ? 3 \\/ 4 , they 'll see : yes !", "Is it...? 3 / 4, they'll see: yes!"),
        ("a 90s film", "a 90s film"),
    ],
)
def test_detokenize(tokens, text):
    assert detokenize(tokens) == text


def test_holdout_splits_groups_and_never_within_one(root):
    """Fails if reviews of one film are on both sides, or a row on neither."""
    (root / "a.txt").write_text("".join(f"review {i}\n" for i in range(300)))
    (root / "groups.txt").write_text("".join(f"film {i // 3}\n" for i in range(300)))
    sides = {}
    for side in ("train", "dev"):
        result = rows(
            path="a.txt", values={"label": "x"}, groups="groups.txt",
            holdout={"fraction": 0.2, "side": side},
        )  # fmt: skip
        sides[side] = [int(row["text"].split()[1]) for row in result]
    assert sorted(sides["train"] + sides["dev"]) == list(range(300))
    assert not {i // 3 for i in sides["train"]} & {i // 3 for i in sides["dev"]}
    assert 30 < len(sides["dev"]) < 90


def test_split_texts_are_complete(root):
    text = "one two, three. four five six seven"
    (root / "a.txt").write_text(text + "\n")
    parts = [row["text"] for row in rows("pretrain", path="a.txt", words=3)]
    assert "".join(parts) == text
    assert len(parts) == 3


def test_rows_can_be_chosen_by_their_number_of_words(root):
    (root / "a.txt").write_text("".join("word " * n + "\n" for n in range(1, 7)))
    found = rows("pretrain", path="a.txt", between=(2, 4))
    assert [row["text"].split().count("word") for row in found] == [2, 3, 4]


def test_rows_can_be_chosen_by_a_column(root):
    """Fails if rows with other values are used, or a column that does not exist is not named."""
    (root / "a.csv").write_text("text,label,part\none,x,2013\ntwo,y,2014\nthree,x,2015\n")
    found = rows(path="a.csv", where={"part": ["2013", "2015"], "label": ["x"]})
    assert [row["text"] for row in found] == ["one", "three"]
    with pytest.raises(UserError, match="no column 'year'; there are text, label, part"):
        rows(path="a.csv", where={"year": ["2013"]})


def test_without_development_data_a_tenth_is_held_out(root):
    (root / "a.csv").write_text("text,label\n" + "".join(f"t{i},x\n" for i in range(200)))
    train, dev = load_rows(Data(train=(Source(path="a.csv"),)), "classify")
    assert len(train) + len(dev["heldout"]) == 200
    assert 8 < len(dev["heldout"]) < 40
    again, _ = load_rows(Data(train=(Source(path="a.csv"),)), "classify")
    assert again == train


def test_a_local_hugging_face_data_set(root):
    """With the real library, without a network."""
    folder = root / "my_set"
    folder.mkdir()
    (folder / "train.csv").write_text("sentence,label\ngood,1\nbad,0\n")
    result = rows(
        dataset=str(folder), fields={"text": "sentence"}, label_names={"0": "neg", "1": "pos"}
    )
    assert result == [{"text": "good", "label": "pos"}, {"text": "bad", "label": "neg"}]
    with pytest.raises(UserError, match="cannot be loaded"):
        rows(dataset=str(root / "nowhere"))


def test_a_configuration_of_a_hugging_face_data_set(root):
    """As in load_dataset("glue", "sst2"). Fails if `subset` or `split` does not reach the
    library."""
    folder = root / "glue"
    folder.mkdir()
    (folder / "README.md").write_text(
        "---\nconfigs:\n"
        "- config_name: sst2\n  data_files:\n"
        "  - {split: train, path: sst2.csv}\n  - {split: dev, path: sst2_dev.csv}\n"
        "- config_name: cola\n  data_files: cola.csv\n---\n"
    )
    for name in ("sst2", "sst2_dev", "cola"):
        (folder / f"{name}.csv").write_text(f"text,label\nfrom {name},x\n")
    for subset, split, expected in (
        ("sst2", "train", "sst2"), ("sst2", "dev", "sst2_dev"), ("cola", "train", "cola"),
    ):  # fmt: skip
        (row,) = rows(dataset=str(folder), subset=subset, split=split)
        assert row["text"] == f"from {expected}"
    with pytest.raises(UserError, match="cannot be loaded"):
        rows(dataset=str(folder))


@pytest.mark.parametrize(
    ("content", "settings", "reason"),
    [
        (
            "text,labl\na,x\n",
            {},
            r"a\.csv:2: no column 'label' for 'label'; the columns are",
        ),
        ("label\nx\n", {}, "no column 'text'"),
        ("text,label\na\n", {}, r"a\.csv:2: has 1 columns"),
        ("text,label\n\xff,x\n", {}, r"a\.csv:2: is not UTF-8"),
        ("", {}, "is empty"),
        ("text,label\na,x\n", {"groups": "g.txt"}, "fewer lines than"),
    ],
)
def test_a_bad_file_is_one_clear_error(root, content, settings, reason):
    (root / "a.csv").write_bytes(content.encode("latin-1"))
    (root / "g.txt").write_text("\n" if "fewer" not in reason else "")
    if "fewer" in reason:
        (root / "g.txt").write_bytes(b"\n")
        (root / "a.csv").write_text("text,label\na,x\nb,y\n")
    with pytest.raises(UserError, match=reason):
        rows(path="a.csv", **settings)


def test_a_source_has_one_origin():
    for settings in ({}, {"path": "a.csv", "dataset": "imdb"}):
        with pytest.raises(UserError, match="set one of path, dataset and made"):
            rows(**settings)


def test_no_rows_is_one_clear_error(root):
    (root / "a.csv").write_text("text,label\n")
    with pytest.raises(UserError, match="'train' has no rows"):
        load_rows(
            Data(train=(Source(path="a.csv"),), dev={"d": (Source(path="a.csv"),)}), "classify"
        )


def test_fingerprints_are_of_the_bytes(root):
    import hashlib

    data = gzip.compress(b"text\na\n")
    (root / "a.csv.gz").write_bytes(data)
    source = Source.parse({"path": "a.csv.gz"}, source="test")
    assert fingerprints(source) == {"a.csv.gz": hashlib.sha256(data).hexdigest()}
    assert fingerprints(Source(dataset="imdb", subset="plain")) == {"imdb": "imdb plain [train]"}
    both = fingerprints(Source.parse({"path": "a.csv.gz", "parallel": "a.csv.gz"}, source="test"))
    assert list(both) == ["a.csv.gz"]


def pairs(root, source: str, target: str, **settings):
    (root / "a.en").write_bytes(source.encode("utf-8", "surrogateescape"))
    (root / "a.de").write_bytes(target.encode("utf-8", "surrogateescape"))
    given = {"path": "a.en", "parallel": "a.de", **settings}
    return source_rows(Source.parse(given, source="test"), "translate")


def test_parallel_files(root):
    """Fails if a separator that is not a line end, such as U+0085, shifts the lines."""
    result = pairs(root, "one\x85 two\nthree\n", "eins zwei\ndrei\r\n")
    assert result == [
        {"source": "one\x85 two", "target": "eins zwei"},
        {"source": "three", "target": "drei"},
    ]


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("a\nb\n", "x\n", r"a\.de: ends after line 1, but .*a\.en does not"),
        ("a\n", "x\ny\n", r"a\.en: ends after line 1, but .*a\.de does not"),
        ("a\n\n", "x\ny\n", r"a\.en:2: the source is empty; a pair needs text on both sides"),
        ("a\nb\n", "x\n \n", r"a\.en:2: the target is empty"),
        ("a\nb\n", "x\n\udcff\n", r"a\.en:2: in .*a\.de: is not UTF-8"),
        ("", "x\n", r"a\.en: is empty"),
    ],
)
def test_mismatched_parallel_files(root, source, target, reason):
    with pytest.raises(UserError, match=reason):
        pairs(root, source, target)


def test_a_parallel_file_requires_a_path():
    with pytest.raises(UserError, match="parallel requires path"):
        rows(dataset="imdb", parallel="a.de", task="translate")


def test_pairs_in_columns(root):
    (root / "a.tsv").write_text("one\teins\none\tein\n")
    result = rows(path="a.tsv", columns=("source", "target"), task="translate")
    assert result == [{"source": "one", "target": "eins"}, {"source": "one", "target": "ein"}]
    with pytest.raises(UserError, match="no column 'target'"):
        rows(path="a.tsv", columns=("source", "goal"), task="translate")


def test_a_pattern_stands_for_all_files_that_match(root):
    """Fails if a file is left out, the order depends on the disk, or one is not fingerprinted."""
    for name in ("b", "a", "c"):
        (root / f"{name}.txt").write_text(f"from {name}\n")
    (root / "d.txt").write_text("from d\n")
    keys = {"path": "[abc].txt", "values": {"label": "x"}}
    assert [row["text"] for row in rows(**keys)] == ["from a", "from b", "from c"]
    assert set(fingerprints(Source.parse(keys, source="t"))) == {"a.txt", "b.txt", "c.txt"}
    (root / "a[1].txt").write_text("from a[1]\n")
    assert [row["text"] for row in rows(**{**keys, "path": "a[1].txt"})] == ["from a[1]"]
    absolute = rows(**{**keys, "path": str(root / "[bc].txt")})
    assert [row["text"] for row in absolute] == ["from b", "from c"]
    with pytest.raises(UserError, match=r"x\*\.txt: no file matches"):
        rows(**{**keys, "path": "x*.txt"})
    with pytest.raises(UserError, match="path must not be a pattern"):
        Source.parse({**keys, "groups": "a.txt"}, source="t")


def test_a_rare_label_is_not_held_out(root):
    """Fails if a label of a few rows is only in the held-out tenth, which is refused."""
    lines = [f"text {number}\trare {number}\n" for number in range(40)]
    lines += [f"other {number}\tusual\n" for number in range(60)]
    (root / "a.tsv").write_text("text\tlabel\n" + "".join(lines))
    train, dev = load_rows(Data.parse({"train": [{"path": "a.tsv"}]}, source="t"), "classify")
    assert len(train) + len(dev["heldout"]) == 100
    assert {row["label"] for row in dev["heldout"]} == {"usual"}
    assert len({row["label"] for row in train}) == 41
