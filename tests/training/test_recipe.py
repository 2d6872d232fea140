import pytest

from textrnn.config import read_toml
from textrnn.errors import UserError
from training.recipe import RECIPES, Recipe, load_recipe

SHIPPED_RECIPES = sorted(path.stem for path in RECIPES.glob("*.toml"))


@pytest.mark.parametrize("name", SHIPPED_RECIPES)
def test_shipped_recipes_are_valid(name, tmp_path):
    """Fails if a recipe has an unknown key, or if writing and reading it changes it."""
    recipe = load_recipe(name)
    assert recipe.name == name or name in ("classify", "tag")
    path = tmp_path / "r.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert Recipe.parse(read_toml(path), source="again") == recipe


def test_overrides_are_typed_and_checked(tiny_data):
    path = str(tiny_data / "tiny.toml")
    recipe = load_recipe(
        path, ["train.epochs=9", "model.encoder.cell=gru", "train.optimizer.rate=0.5"]
    )
    assert recipe.train.epochs == 9
    assert recipe.model.model_dump()["encoder"]["cell"] == "gru"
    assert recipe.train.optimizer.rate == 0.5


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("train.epcohs=9", r"unknown key 'train\.epcohs'; did you mean 'epochs'"),
        ("model.encoder.hiden=9", r"unknown key 'encoder\.hiden'; did you mean 'hidden'"),
        ("train.epochs=many", r"train\.epochs.*'many'"),
        ("train.epochs=0", r"train\.epochs"),
        ("train.optimizer.name=adamx", "'sgd', 'momentum', 'adam'"),
        ("model.encoder.cell=rnn", "expected one of elman, jordan"),
        (
            "task=dance",
            "no task 'dance'; the tasks are classify, tag, translate, generate, ",
        ),
        ("name=Has Spaces", "name"),
        ("tokenizer.kind=runes", "tokenizer: no kind 'runes'; there are words, subwords, chars"),
        ("limits.length=8193", "length 8193 does not fit into 256 tokens"),
        ("train.lengths=[]", "lengths must increase"),
        ("train.lengths=[32, 16]", r"lengths must increase, found \[32, 16\]"),
        ("train.lengths=[16, 16]", "lengths must increase"),
        ("augment.names=0.1", r"names of \[augment\] need pairs of texts"),
        ("train.tokens=15", "length 16 does not fit into 15 tokens"),
    ],
)
def test_a_wrong_recipe_is_one_clear_error(tiny_data, override, reason):
    with pytest.raises(UserError, match=reason) as caught:
        load_recipe(str(tiny_data / "tiny.toml"), [override])
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UserError, match="sentiment-en"):
        load_recipe("no-such-recipe")
    with pytest.raises(UserError, match="cannot be read"):
        load_recipe("no-such-file.toml")


@pytest.mark.parametrize("task", ["tag", "generate"])
def test_rows_that_cannot_be_augmented_are_refused(task):
    """Fails if a recipe asks for changes that training would leave out in silence."""
    with pytest.raises(UserError, match=f"the rows of {task} cannot be augmented"):
        load_recipe(task, ["augment.lower_case=0.1"])
