"""The tokenizer of a run. A new one is one class and one entry of TOKENIZERS."""

import json

import numpy as np
from flax import nnx

import textrnn
from support.tiny_models import RECIPES
from textrnn.bundle import load_bundle, save_bundle
from textrnn.parameters import split_model
from textrnn.text import EOS, SPECIALS, TOKENIZERS, UNK, CopyingTokenizer, Tokenizer, Tokens
from textrnn.text.tokenizer import make_tokens
from training.recipe import load_recipe
from training.train import prepare


class WhitespaceTokenizer(Tokenizer):
    """Words between white space."""

    kind = "whitespace"

    def __init__(self, words):
        self.words = list(words)

    @classmethod
    def fit_rows(cls, rows, config):
        words = sorted({word for row in rows for word in row["text"].split()})
        return cls(words[: config.size - len(SPECIALS)])

    def __len__(self):
        return len(SPECIALS) + len(self.words)

    def encode(self, text, max_tokens=None) -> Tokens:
        words = text.split()[:max_tokens]
        ids = [
            self.words.index(word) + len(SPECIALS) if word in self.words else UNK for word in words
        ]
        return make_tokens(ids, [(0, len(text))] * len(ids))

    def decode(self, ids: np.ndarray):
        return " ".join(self.words[id - len(SPECIALS)] for id in ids if id >= len(SPECIALS))

    def save(self, directory):
        (directory / "words.json").write_text(json.dumps(self.words))

    @classmethod
    def load(cls, directory):
        return cls(json.loads((directory / "words.json").read_text()))


def test_a_registered_tokenizer_is_usable_everywhere(tiny_data, tmp_path, monkeypatch):
    """From recipe to bundle to answers. Fails if a kind is looked up outside of the registry."""
    monkeypatch.setenv("TEXTRNN_DATA", str(tiny_data))
    monkeypatch.setitem(TOKENIZERS, WhitespaceTokenizer.kind, WhitespaceTokenizer)
    recipe = load_recipe(str(tiny_data / "tiny.toml"), ["tokenizer.kind=whitespace"])
    task = prepare(recipe).task
    _, params = split_model(task.build(nnx.Rngs(0)))
    info = load_bundle("sentiment-en").info.model_copy(
        update={
            "tokenizer": task.tokenizer.kind,
            "config": task.config.model_dump(mode="json"),
            "limits": task.limits,
            "storage": "float32",
        }
    )
    save_bundle(tmp_path / "bundle", info, task, params, [])
    predictor = textrnn.load(tmp_path / "bundle")
    loaded = predictor.task.tokenizer
    assert isinstance(loaded, WhitespaceTokenizer)
    assert isinstance(task.tokenizer, WhitespaceTokenizer)
    assert loaded.words == task.tokenizer.words
    (answer,) = predictor.predict(["a lovely film"])
    assert answer["label"] in ("friendly", "hostile")


def test_forms_of_address_of_augmented_rows_are_in_the_vocabulary(tmp_path, monkeypatch):
    """Fails if training then meets a row whose form of address the tokenizer does not know."""
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    pairs = [
        ("can you see me", "kannst du mich sehen"),
        ("do you see", "sehen Sie"),
        ("one", "eins"),
    ]
    text = "".join(f"{source}\t{target}\n" for source, target in pairs * 20)
    (tmp_path / "pairs.tsv").write_text(f"source\ttarget\n{text}")
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPES["tiny-translate"])
    data = ["data.train=[{path='pairs.tsv'}]", "data.dev={same=[{path='pairs.tsv'}]}"]
    task = prepare(load_recipe(str(path), [*data, "augment.formality=0.9"])).task
    tokenizer = task.tokenizer
    assert isinstance(tokenizer, CopyingTokenizer)
    assert not {tokenizer.end_of_source(form) for form in ("formal", "informal")} & {UNK, EOS}
