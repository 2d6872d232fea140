import pytest

from service.settings import read_settings
from textrnn.errors import UserError


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_QUEUE_ROWS", "2048")
    monkeypatch.setenv("TEXTRNN_MODELS", "a, b")
    monkeypatch.setenv("TEXTRNN_API_KEYS", "k1,k2")
    settings = read_settings({"port": 9})
    assert (settings.queue_rows, settings.models, settings.port) == (2048, ("a", "b"), 9)
    assert [key.get_secret_value() for key in settings.api_keys] == ["k1", "k2"]
    assert "k1" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"port": 70000}, "port"),
        ({"texts": 100, "queue_rows": 50}, "a request may hold 100 texts, but the queue only 50"),
        ({"prot": 1}, "unknown key 'prot'; did you mean 'port'"),
        ({"deadline": 0}, "deadline"),
    ],
)
def test_settings_that_cannot_be_are_one_clear_error(given, reason):
    with pytest.raises(UserError, match=reason):
        read_settings(given)
