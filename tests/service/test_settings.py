"""Settings from flags, the environment, a file and defaults, and their documentation."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from service import command
from service.settings import SECRETS, Settings, read_settings
from support.paths import ROOT
from textrnn.errors import UserError

DOCUMENT = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "serve.toml"
        path.write_text(text)
        return path

    return write


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_QUEUE_ROWS", "2048")
    monkeypatch.setenv("TEXTRNN_MODELS", "a, b")
    monkeypatch.setenv("TEXTRNN_API_KEYS", "k1,k2")
    settings = read_settings({"port": 9})
    assert (settings.queue_rows, settings.models, settings.port) == (2048, ("a", "b"), 9)
    assert [key.get_secret_value() for key in settings.api_keys] == ["k1", "k2"]
    assert "k1" not in repr(settings)


def test_flags_precede_the_environment_and_that_the_file(monkeypatch, write):
    file = write('port = 1\ntexts = 2\ngrace = 3\nmodels = ["a", "b"]\napi_keys = ["k1"]\n')
    monkeypatch.setenv("TEXTRNN_PORT", "11")
    monkeypatch.setenv("TEXTRNN_TEXTS", "12")
    monkeypatch.setenv("TEXTRNN_CONFIG", str(file))
    settings = read_settings({"port": 21})
    assert (settings.port, settings.texts, settings.grace, settings.deadline) == (21, 12, 3, 30)
    assert settings.models == ("a", "b")
    assert settings.api_keys[0].get_secret_value() == "k1"
    other = write("grace = 4")
    monkeypatch.setenv("TEXTRNN_CONFIG", "/nowhere.toml")
    assert read_settings({}, other).grace == 4


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"port": 70000}, "port.*; port is from a flag"),
        ({"texts": 100, "queue_rows": 50}, "a request may hold 100 texts, but the queue only 50"),
        ({"prot": 1}, "unknown key 'prot'; did you mean 'port'"),
        ({"deadline": 0}, "deadline"),
    ],
)
def test_invalid_settings_are_one_clear_error(given, reason):
    with pytest.raises(UserError, match=reason):
        read_settings(given)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("prot = 1", "serve.toml: unknown key 'prot'; known keys: host, port, .*grace"),
        ("port = 70000", "port.*70000.*; port is from .*serve.toml"),
        ("[serve]\nport = 1", "unknown key 'serve'"),
        ("port", "serve.toml: is not valid TOML"),
    ],
)
def test_an_invalid_file_is_one_clear_error(write, text, reason):
    with pytest.raises(UserError, match=reason):
        read_settings({}, write(text))


@pytest.mark.parametrize(
    "text",
    ['api_keys = [""]', "api_keys = [4711]", "state_key = 4711", 'api_keys = ["4711 "]',
     'api_keys = ["4711\u00e9"]', 'api_keys = "4711,,b"', 'state_key = "\\n"'],
)  # fmt: skip
def test_an_invalid_key_is_refused_and_not_shown(write, text):
    """Fails if an empty key admits every client, or an error shows a key."""
    with pytest.raises(UserError, match=r"a key must be a string of .*; \w+ is from ") as caught:
        read_settings({}, write(text))
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("blank", ["", " ", "\t", ",", " , ", "a,,b", "a, ,"])
@pytest.mark.parametrize(
    "name", [n for n, f in Settings.model_fields.items() if f.annotation not in (int, float)]
)
def test_no_setting_is_blank(monkeypatch, write, name, blank):
    """A list, a key, a host or a choice that is blank, wherever it is from. Fails if blank keys
    open the server, or a blank list stands for the default."""
    if "," in blank and name in ("host", "state_key"):
        return  # no lists
    with pytest.raises(UserError, match=rf"settings: {name}\b.*{name} is from .*toml"):
        read_settings({}, write(f"{name} = {json.dumps(blank)}"))
    monkeypatch.setenv(f"TEXTRNN_{name.upper()}", blank)
    if not blank:  # stands for a variable that is not set, as in compose.yaml
        assert name not in read_settings({}).model_fields_set
        return
    with pytest.raises(UserError, match=rf"settings: {name}\b.*{name} is from the environment"):
        read_settings({})


def test_blank_items_and_paths_are_refused(monkeypatch, write):
    for name in ("models", "api_keys", "cors_origins"):
        for items in ('[""]', '["a", " "]'):
            with pytest.raises(UserError, match=f"settings: {name}"):
                read_settings({}, write(f"{name} = {items}"))
        assert getattr(read_settings({}, write(f"{name} = []")), name) == ()
        assert len(getattr(read_settings({}, write(f'{name} = "a, b,"')), name)) == 2
    for flags in ({"models": ["a", ""]}, {"cors_origins": [" "]}, {"host": ""}):
        with pytest.raises(UserError, match="is from a flag"):
            read_settings(flags)
    for config in ("", " "):
        with pytest.raises(UserError, match="the path is blank"):
            read_settings({}, config)
    monkeypatch.setenv("TEXTRNN_CONFIG", " ")
    with pytest.raises(UserError, match="the path is blank"):
        read_settings({})


def test_every_setting_has_a_flag_except_keys():
    """Fails if a flag does not reach the settings, or if a key can be set by a flag."""
    arguments, expected = [], {}
    for name, field in Settings.model_fields.items():
        if name in SECRETS or name in ("texts", "port"):
            continue
        several = isinstance(field.default, tuple)
        value = ["a", "b"] if several else [str(field.default)]
        for part in value:
            arguments += [f"--{name.replace('_', '-')}", part]
        expected[name] = tuple(value) if several else field.default
    results: list[Settings] = []
    with pytest.raises(SystemExit) as ended:
        command.run_command([*arguments, "--texts", "7", "--port", "9"], results.append)
    assert ended.value.code == 0
    assert results[0].model_fields_set == {*expected, "texts", "port"}
    assert {name: getattr(results[0], name) for name in expected} == expected
    assert (results[0].texts, results[0].port) == (7, 9)
    with pytest.raises(SystemExit) as ended:
        command.run_command(["--state-key", "k"], results.append)
    assert ended.value.code == 2


def test_help_describes_each_setting():
    done = subprocess.run(
        [sys.executable, "-m", "textrnn", "serve", "--help"],
        capture_output=True, text=True, check=True, env={"COLUMNS": "200", "PATH": ""},
    )  # fmt: skip
    for name, field in Settings.model_fields.items():
        assert field.description
        flag = f"--{name.replace('_', '-')} "
        assert (flag in done.stdout) == (name not in SECRETS)
    assert "fewer means earlier refusals" in " ".join(done.stdout.replace("│", " ").split())
    assert "TEXTRNN_QUEUE_ROWS=2048" in done.stdout


def test_the_guide_lists_every_setting_with_its_default():
    table = DOCUMENT.split("## Settings")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", table, re.MULTILINE))
    assert list(rows) == list(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if field.default in ((), None, PydanticUndefined):
            assert not re.search(r"\d", rows[name])
        else:
            default = field.default
            assert rows[name] == (f"{default:g}" if isinstance(default, float) else str(default))
