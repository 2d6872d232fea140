import pytest

from service.app import make_app


@pytest.fixture
def make_tiny_app(make_context, tagger, translator, generator):
    """Makes applications with the four tiny models, and the language identifier, which is not
    compiled."""

    def make(**settings):
        context = make_context(**settings)
        for served in (tagger, translator, generator):
            context.models.add(served)
        return make_app(context)

    return make


@pytest.fixture
def app(make_tiny_app):
    return make_tiny_app()
