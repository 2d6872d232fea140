import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import PositiveInt, ValidationError

from textrnn.config import Config, override, read_toml
from textrnn.errors import UserError


class Inner(Config):
    rate: float = 0.1
    names: tuple[str, ...] = ()


class Outer(Config):
    steps: PositiveInt
    note: str | None = None
    inner: Inner = Inner()


def test_an_unknown_key_is_named_with_the_nearest_known_one():
    with pytest.raises(UserError, match=r"x\.toml: unknown key 'inner\.rte'; did you mean 'rate'"):
        Outer.parse({"steps": 1, "inner": {"rte": 2}}, source="x.toml")
    with pytest.raises(UserError, match="known keys: inner, note, steps"):
        Outer.parse({"steps": 1, "zzz": 2}, source="x")


def test_all_errors_are_on_one_line():
    with pytest.raises(UserError) as caught:
        Outer.parse({"inner": {"rate": "fast"}}, source="x")
    message = str(caught.value)
    assert "'steps' is missing" in message
    assert "inner.rate" in message
    assert "'fast'" in message
    assert "\n" not in message


def test_frozen():
    with pytest.raises(ValidationError):
        Outer(steps=1).steps = 2


@given(
    st.builds(
        Outer,
        steps=st.integers(1, 10**9),
        note=st.none() | st.text(),
        inner=st.builds(
            Inner,
            rate=st.floats(allow_nan=False, allow_infinity=False),
            names=st.lists(st.text()).map(tuple),
        ),
    )
)
def test_json_and_toml_round_trip(tmp_path_factory, config):
    """Fails if a file loses a value: a resumed run compares its recipe with the file."""
    path = tmp_path_factory.mktemp("config") / "c.toml"
    path.write_text(config.to_toml(), encoding="utf-8", newline="")
    assert Outer.parse(read_toml(path), source="toml") == config
    path.write_text(config.to_toml(), encoding="utf-8-sig")  # as some editors save it
    assert Outer.parse(read_toml(path), source="toml") == config
    assert Outer.model_validate_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"a = ", "not valid TOML"), (b"a = '\xff'", "not UTF-8"), (None, "cannot be read")],
)
def test_unreadable_toml_is_one_clear_error(tmp_path, content, reason):
    path = tmp_path / "c.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        read_toml(path)


def test_override_sets_typed_values():
    data = {"train": {"steps": 1}, "data": [{"path": "a"}, {"path": "b"}]}
    result = override(
        data,
        [
            "train.steps=5",
            "train.rate=1e-3",
            'train.tags=["x"]',
            "data.1.path=c",
            "new.deep=yes it is",
        ],
    )
    assert result["train"] == {"steps": 5, "rate": 1e-3, "tags": ["x"]}
    assert result["data"] == [{"path": "a"}, {"path": "c"}]
    assert result["new"] == {"deep": "yes it is"}
    assert data["train"] == {"steps": 1}, "the original stays"


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("train", "not an assignment"),
        ("=3", "not an assignment"),
        ("train.steps.more=1", "holds a value"),
        ("train.steps.more.deep=1", "is below a value"),
        ("data.7.path=c", "not an index"),
        ("data.x=c", "not an index"),
    ],
)
def test_invalid_overrides_are_errors(assignment, reason):
    data = {"train": {"steps": 1}, "data": [{"path": "a"}]}
    with pytest.raises(UserError, match=reason):
        override(data, [assignment])
