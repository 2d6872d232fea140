"""Shapes in annotations are checked, and their axes are documented."""

import ast
import importlib
import re

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from support.paths import ROOT
from support.shape_checks import CHECKED
from textrnn.layers import axes
from textrnn.layers.linear import matmul

MODULES = [ROOT / f"{name.replace('.', '/')}.py" for name in CHECKED[1:]]
SOURCES = [*sorted((ROOT / "textrnn" / "layers").rglob("*.py")), *MODULES]
DTYPES = ("Float", "Int", "Bool", "UInt32", "Shaped")
LEGEND = set(re.findall(r"^    (\w+)  ", axes.__doc__ or "", re.MULTILINE))


@pytest.mark.parametrize("name", CHECKED)
def test_annotations_are_checked(name):
    """Fails if a module was imported before the hook was installed."""
    loader = importlib.import_module(name).__loader__
    assert type(loader).__module__.startswith("jaxtyping")


@pytest.mark.parametrize("inputs", [3, 5])
def test_a_wrong_shape_is_an_error(inputs):
    """Fails if the hook is installed without a type checker."""
    with pytest.raises(TypeCheckError, match="inputs=4"):
        matmul(jnp.zeros((2, 4)), jnp.zeros((inputs, 4)))


def test_a_wrong_dtype_is_an_error():
    with pytest.raises(TypeCheckError, match="parameter 'x'"):
        matmul(jnp.zeros((2, 4), jnp.int32), jnp.zeros((4, 4)))


def axes_of(path):
    """The line, the shape and the names of the axes of each annotation of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Subscript(
                value=ast.Name(id=dtype), slice=ast.Tuple(elts=[_, ast.Constant(value=str(shape))])
            ) if dtype in DTYPES:
                names = {name.lstrip("*") for name in shape.split()}
                names = {name for name in names if not re.fullmatch(r"\d+|\.\.\.|_|{\w+}", name)}
                yield node.lineno, shape, names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_axis_is_in_the_legend(path):
    """Fails if an annotation uses a name that is not in the legend, or an expression such as
    `width*hidden`, which is not a valid axis."""
    for line, shape, names in axes_of(path):
        assert names <= LEGEND, f"line {line}: {shape!r}"


def test_every_axis_of_the_legend_is_used():
    """Fails if the legend describes an axis that no annotation has."""
    used = {name for path in SOURCES for _, _, names in axes_of(path) for name in names}
    assert used == LEGEND
