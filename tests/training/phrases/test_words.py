import numpy as np

from training.phrases.words import WordTable, split_into_words


def words_of(*texts: str) -> WordTable:
    return split_into_words(texts, {})


def forms(words: WordTable) -> list[str]:
    return [words.forms[int(index)] for index in words.ids]


def test_the_first_word_of_a_sentence_has_its_case_within_sentences():
    """Fails if "Dogs" and "dogs" are two words, or if a name or a noun loses its capital."""
    words = words_of(
        "Dogs bark. Tom barks.", "We like dogs and Tom.", '"Dogs!" said Tom.', "Unseen dogs."
    )
    expected = """
        dogs bark . Tom barks .  We like dogs and Tom .  " dogs ! " said Tom .  Unseen dogs .
    """
    assert forms(words) == expected.split()
    assert list(words.rows) == [0] * 6 + [1] * 6 + [2] * 7 + [3] * 3


def test_the_case_is_unknown_where_both_are_frequent():
    """Fails if "Sie" at the beginning counts as one of "sie" and "Sie"."""
    words = words_of("Sie kommt.", "Dann kommt sie.", "Dann kommen Sie.", "Kommt Sie.")
    assert list(words.is_cased[words.rows == 0]) == [False, True, True]
    assert all(words.is_cased[words.rows == 2])


def test_a_span_is_its_text_with_the_first_word_in_its_case():
    """Fails if spaces, apostrophes or hyphens change, or a span is taken from another row."""
    words = words_of("The dog", "Don't e-mail the  dog!", "I don't")
    assert words.span(2, 8) == "don't e-mail the"
    assert words.span(7, 9) == "the  dog"


def test_boundaries():
    """Fails if a row, a mark or a part of a written word is taken for something else."""
    words = words_of("Yes, I don't.", "No e-mail")
    assert forms(words) == ["Yes", ",", "I", "do", "n't", ".", "No", "e", "-", "mail"]
    assert list(np.flatnonzero(words.joined)) == [4, 8, 9]
    assert list(np.flatnonzero(words.is_mark)) == [1, 5, 8]
    assert list(np.flatnonzero(words.opens)) == [0, 2, 6, 9]
    assert list(np.flatnonzero(words.closes)) == [0, 4, 5, 7, 9]
