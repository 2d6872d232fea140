import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from textrnn import native
from textrnn.layers.characters import Characters, CharactersConfig
from textrnn.native.characters import PADDED_TO, character_cnn

ALPHABET, MOST = 11, 6
WORDS = 40


@pytest.fixture(params=[True, False], ids=["native", "xla"])
def engine(request, monkeypatch):
    """Runs a test with the native kernel and without."""
    if request.param and not native.available():
        pytest.skip("needs the native library")
    monkeypatch.setattr("textrnn.layers.characters.uses_native", lambda: request.param)


def spelled(seed=0):
    """Words of 0 to MOST letters, each filled up with zeros."""
    draw = np.random.default_rng(seed)
    letters = draw.integers(1, ALPHABET, (WORDS, MOST))
    lengths = draw.integers(0, MOST + 1, WORDS)
    lengths[[3, -1]] = 0
    return np.where(np.arange(MOST) < lengths[:, None], letters, 0).astype(np.int32)


def layer(width=3, features=20, **options):
    config = CharactersConfig(letters=MOST, size=5, features=features, width=width, **options)
    characters = Characters(config, ALPHABET, rngs=nnx.Rngs(0))
    if characters.filters is not None:
        characters.filters.bias[...] = jnp.linspace(-1, 1, features)
    return characters


def convolved(characters, word):
    """The vector of one word, one letter and one filter at a time."""
    config, table = characters.config, np.float64(characters.table[...])
    kernel = np.float64(characters.filters.kernel[...])
    kernel = kernel.reshape(config.width, config.size, config.features)
    real = [letter for letter in word if letter]
    responses = np.zeros((len(real), config.features))
    for center in range(len(real)):
        for place in range(config.width):
            at = center + place - config.width // 2
            if 0 <= at < len(real):
                responses[center] += table[real[at]] @ kernel[place]
    if not real:
        return np.zeros(config.features)
    return np.tanh(responses.max(axis=0) + np.float64(characters.filters.bias[...]))


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("features", [2, 20, 60])
@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_a_word_is_the_maximum_over_its_letters(width, features):
    """Fails if the window is off by one, or letters of padding or of the next word respond."""
    characters, letters = layer(width, features), spelled()
    result = jax.jit(lambda letters: characters(letters))(letters)
    expected = [convolved(characters, word) for word in letters]
    np.testing.assert_allclose(result, expected, atol=2e-6)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("width", [2, 3])
def test_looking_up_products_has_the_gradient_of_the_convolution(width):
    """Fails if a gradient goes to another letter than the one that responded most, or is lost."""
    characters, letters = layer(width), spelled(1)
    structure, state = nnx.split(characters)
    weights = np.random.default_rng(2).normal(size=(WORDS, 20)).astype(np.float32)

    def total(state, convolve):
        network = nnx.merge(structure, state)
        if convolve:
            valid = jnp.asarray(letters != 0)
            x = jnp.where(valid[..., None], network.table[...][letters], 0)
            return (weights * network._convolve(x, valid)).sum()
        return (weights * network(letters)).sum()

    expected = jax.grad(total)(state, True)
    result = jax.jit(jax.grad(total), static_argnums=1)(state, False)
    for a, b in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_dropout_drops_letters():
    """Fails if dropout is ignored, drops something without a key, or comes with another
    convolution."""
    letters, key = spelled(), jax.random.key(0)
    plain, dropped, kept = layer(), layer(dropout=0.5), layer(dropout=1e-9)
    np.testing.assert_array_equal(plain(letters), dropped(letters))
    np.testing.assert_allclose(plain(letters), kept(letters, key), atol=2e-6)
    assert not np.allclose(plain(letters), dropped(letters, key))


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_a_word_does_not_depend_on_its_neighbours(kind):
    """Fails if letters are assigned to a wrong word."""
    characters, letters = layer(kind=kind), spelled()
    together = characters(letters)
    order = np.random.default_rng(0).permutation(WORDS)
    np.testing.assert_allclose(characters(letters[order]), together[order], atol=1e-6)


@pytest.mark.parametrize("letter", [-1, ALPHABET, 2**31 - 1])
def test_letters_outside_the_alphabet_are_errors(letter):
    """Fails if the kernel reads out of bounds."""
    if not native.available():
        pytest.skip("needs the native library")
    products, bias = jnp.zeros((ALPHABET, 3, PADDED_TO)), jnp.zeros(PADDED_TO)
    letters = jnp.array([[1, letter]], jnp.int32)
    with pytest.raises(Exception, match="not in the alphabet"):
        jax.block_until_ready(character_cnn(products, bias, letters, 7))
