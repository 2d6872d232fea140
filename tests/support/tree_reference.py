"""Networks on trees in plain numpy, node by node.

    encode(kind, p, vectors, tree) -> states of all nodes, each before its children

`p` has the parameters by their dotted names, `vectors` the vector of each word. A state is a tuple
of which the last part is the output.
"""

import numpy as np

from support.reference_cells import sigmoid


def recursive_leaf(p, x):
    return (np.tanh(x @ p["input.kernel"] + p["input.bias"]),)


def recursive_compose(p, left, right):
    units = len(left[0])
    w = p["composition.kernel"]
    return (np.tanh(left[0] @ w[:units] + right[0] @ w[units:] + p["composition.bias"]),)


def _biases(p):
    i, o, u, f = np.split(p["bias"], 4)
    return {"i": i, "o": o, "u": u, "f_left": f, "f_right": f}


def tree_lstm_leaf(p, x):
    b = _biases(p)
    w = dict(zip("iou", np.split(p["input_kernel"], 3, axis=1), strict=True))
    i, o = sigmoid(x @ w["i"] + b["i"]), sigmoid(x @ w["o"] + b["o"])
    c = i * np.tanh(x @ w["u"] + b["u"])
    return c, o * np.tanh(c)


def tree_lstm_compose(p, left, right):
    b, units = _biases(p), len(left[0])
    blocks = np.split(p["child_kernel"], 5, axis=1)
    gate = {
        name: left[1] @ block[:units] + right[1] @ block[units:] + b[name]
        for name, block in zip(("i", "o", "u", "f_left", "f_right"), blocks, strict=True)
    }
    c = sigmoid(gate["i"]) * np.tanh(gate["u"])
    c = c + sigmoid(gate["f_left"]) * left[0] + sigmoid(gate["f_right"]) * right[0]
    return c, sigmoid(gate["o"]) * np.tanh(c)


LEAF = {"recursive": recursive_leaf, "tree_lstm": tree_lstm_leaf}
COMPOSE = {"recursive": recursive_compose, "tree_lstm": tree_lstm_compose}


def encode(kind, p, vectors, tree):
    while not isinstance(tree, str) and len(tree.children) == 1:
        (tree,) = tree.children
    if isinstance(tree, str):
        return [LEAF[kind](p, vectors[tree])]
    left, right = (encode(kind, p, vectors, part) for part in tree.children)
    return [COMPOSE[kind](p, left[0], right[0]), *left, *right]
