"""Bracketed trees."""

import pytest

from textrnn.text.trees import Tree, parse_tree


def test_a_tree_of_phrases_and_words():
    tree = parse_tree("(3 (2 It) ( 4 's (2 film)))")
    assert tree == Tree("3", (Tree("2", ("It",)), Tree("4", ("'s", Tree("2", ("film",))))))
    assert tree.words() == ["It", "'s", "film"]
    assert [part.label for part in tree.subtrees()] == ["3", "2", "4", "2"]


def test_a_deep_tree():
    """Fails if parsing or walking recurses."""
    tree = parse_tree("(1 " * 5000 + "a" + " b)" * 5000)
    assert len(tree.words()) == 5001
    assert sum(1 for _ in tree.subtrees()) == 5000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no tree"),
        ("a (3 b)", "found 'a' at character 1"),
        ("(3 (2 a) (4 b)", "a bracket is not closed"),
        ("(3 a))", r"found '\)' at character 6"),
        ("(3 a) (2 b)", r"found '\(2' at character 7"),
        ("(3 a) b", "found 'b' at character 7"),
        ("(3 (2 a) (4))", r"found '\)' at character 12"),
        ("((3 a))", r"found '\(' at character 1"),
    ],
)
def test_a_mistake_has_one_error_with_its_place(text, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_tree(text)
