"""Public names are unique: no two modules define the same one."""

import ast
from collections import defaultdict

from support.paths import ROOT

PACKAGES = ("textrnn", "service", "training")
EXCEPTIONS = {
    "router",  # FastAPI's name for the routes of a module
    "app",  # Typer's name for a group of commands
}


def public_names(tree: ast.Module) -> set[str]:
    """The functions, classes and constants that a module defines itself."""
    names = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign():
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("_")}


def test_no_public_name_has_two_meanings():
    """Fails if two modules define the same public name."""
    modules = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in public_names(ast.parse(path.read_text())):
                modules[name].append(str(path.relative_to(ROOT)))
    twice = {name: where for name, where in sorted(modules.items()) if len(where) > 1}
    assert {n: where for n, where in twice.items() if n not in EXCEPTIONS} == {}
    assert set(twice) >= EXCEPTIONS, "an exception that is no longer needed"
