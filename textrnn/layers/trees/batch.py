"""Batches of binary trees, by levels.

The height of a node is the number of levels below it. Leaves have height 0, and lie one tree after
another, as the tokens of a ragged batch. The other nodes of all trees follow in the order of their
height. They are composed in steps of up to `width` nodes; all nodes of a step have the same height,
so that their children come before it.

    trees   ((a b) c)  (d e)      height 0    a b c d e  .     capacity 6
                                         1    (a b) (d e)      a step of 2
                                         2    ((a b) c)  .     a step of 2

The shape is static and the trees are data, so one compiled program takes trees of any form.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from textrnn.layers.axes import BatchArray, Lengths
from textrnn.text.tokenizer import PAD
from textrnn.text.trees import Tree

UNLABELLED = -1
"""The label of padding, and of nodes without one."""


class TreeExample(NamedTuple):
    """The nodes of a tree, each before its children, from left to right."""

    words: Int[np.ndarray, " leaves"]
    labels: Int[np.ndarray, " nodes"]
    parents: Int[np.ndarray, " nodes"]
    """The index of the parent of each node; -1 for the root."""
    heights: Int[np.ndarray, " nodes"]


class TreeShape(NamedTuple):
    """The capacity of a batch."""

    leaves: int
    """Of all trees together."""
    height: int
    """Of the highest tree."""
    width: int
    """Nodes of a step."""

    @property
    def steps(self) -> int:
        """Enough for any trees of so many leaves and levels: each level begins a new step."""
        return self.height + self.leaves // self.width


class TreeBatch(NamedTuple):
    """Trees as arrays. A node is an index: leaves come first, then the nodes of each step."""

    words: Int[BatchArray, " leaves"]
    lengths: Lengths
    """Leaves of each tree."""
    children: Int[BatchArray, "steps width 2"]
    """The left and the right child of each node but the leaves; leaf 0 for padding."""
    labels: Int[BatchArray, " nodes"]
    """The label of each node, or UNLABELLED."""
    roots: Int[BatchArray, " rows"]
    """The root of each tree."""


def tree_example(
    tree: Tree, word_id: Callable[[str], int], label_id: Callable[[str], int]
) -> TreeExample:
    """A tree as arrays. A phrase with one part takes its place: it keeps its own label.

    A word beside another part of a phrase is a leaf of its own, which has no label. Raises
    ValueError for a phrase of more than two parts.
    """
    words: list[int] = []
    labels: list[int] = []
    parents: list[int] = []
    waiting: list[tuple[Tree | str, int]] = [(tree, -1)]
    while waiting:
        part, parent = waiting.pop()
        index = len(parents)
        parents.append(parent)
        labels.append(UNLABELLED if isinstance(part, str) else label_id(part.label))
        while isinstance(part, Tree) and len(part.children) == 1:
            part = part.children[0]
        if isinstance(part, str):
            words.append(word_id(part))
        elif len(part.children) == 2:
            waiting += [(child, index) for child in reversed(part.children)]
        else:
            raise ValueError(
                f"the phrase {' '.join(part.words())!r} has {len(part.children)} parts; "
                "expected one or two"
            )
    heights = [0] * len(parents)
    for index in range(len(parents) - 1, 0, -1):
        parent = parents[index]
        heights[parent] = max(heights[parent], heights[index] + 1)
    return TreeExample(np.array(words), np.array(labels), np.array(parents), np.array(heights))


def collate_trees(examples: Sequence[TreeExample], shape: TreeShape) -> TreeBatch:
    """The trees as a batch. Raises ValueError if they do not fit into the shape."""
    lengths = np.array([len(example.words) for example in examples])
    words = np.concatenate([example.words for example in examples])
    heights = np.concatenate([example.heights for example in examples])
    if len(words) > shape.leaves or heights.max() > shape.height:
        raise ValueError(
            f"{len(words)} leaves and {heights.max()} levels do not fit into {shape.leaves} leaves "
            f"and {shape.height} levels"
        )
    places, parents = _places(heights, shape), _parents(examples)
    labels = np.full(shape.leaves + shape.steps * shape.width, UNLABELLED, np.int32)
    labels[places] = np.concatenate([example.labels for example in examples])
    return TreeBatch(
        np.pad(words, (0, shape.leaves - len(words)), constant_values=PAD).astype(np.int32),
        lengths.astype(np.int32),
        _children(parents, places, shape),
        labels,
        places[parents < 0].astype(np.int32),
    )


def _places(heights: Int[np.ndarray, " nodes"], shape: TreeShape) -> Int[np.ndarray, " nodes"]:
    """The place of each node in the batch."""
    places = np.empty(len(heights), np.int64)
    leaf = heights == 0
    places[leaf] = np.arange(leaf.sum())
    inner = np.flatnonzero(~leaf)
    inner = inner[np.argsort(heights[inner], kind="stable")]
    counts = np.bincount(heights[inner])
    steps = -(-counts // shape.width)
    # Where a level begins, less the nodes of the levels below.
    shift = shape.leaves + (np.cumsum(steps) - steps) * shape.width - (np.cumsum(counts) - counts)
    places[inner] = np.arange(len(inner)) + shift[heights[inner]]
    return places


def _parents(examples: Sequence[TreeExample]) -> Int[np.ndarray, " nodes"]:
    """The parent of each node among the nodes of all trees; -1 for roots."""
    sizes = np.array([len(example.parents) for example in examples])
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    parents = np.concatenate([example.parents for example in examples])
    return np.where(parents < 0, -1, parents + first)


def _children(
    parents: Int[np.ndarray, " nodes"], places: Int[np.ndarray, " nodes"], shape: TreeShape
) -> Int[np.ndarray, "steps width 2"]:
    """The children of each node but the leaves."""
    child = np.flatnonzero(parents >= 0)
    parent = parents[child]
    is_right = (child != parent + 1).astype(int)  # the left child directly follows its parent
    children = np.zeros((shape.steps * shape.width, 2), np.int32)
    children[places[parent] - shape.leaves, is_right] = places[child]
    return children.reshape(shape.steps, shape.width, 2)
