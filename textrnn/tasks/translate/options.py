"""Translation options, among them those of beam search."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from textrnn.tasks.options import LibraryOnly, Options
from textrnn.text.formality import Formality

TermText = Annotated[str, Field(max_length=100, pattern=r"^\S([^\r\n]*\S)?$")]
"""A word or phrase on one line, without white space around it."""


class TranslateOptions(Options):
    beam_size: int | None = Field(default=None, ge=1)
    """Number of hypotheses that beam search keeps, at most the model's widest beam. 1 is greedy
    search. Uses the model's own beam size if not set."""
    length_penalty: LibraryOnly[float | None] = Field(default=None, ge=0, le=5)
    """Exponent of the length by which the score of a hypothesis is divided before ranking. 0 ranks
    by log-probability alone. Uses the model's own penalty if not set."""
    min_length: LibraryOnly[int] = Field(default=0, ge=0)
    """Minimum number of tokens in the translation of a sentence."""
    max_length: LibraryOnly[PositiveInt | None] = None
    """Maximum number of tokens in the translation of a sentence. If not set, 8 more than twice the
    source length."""
    no_repeat_ngram: LibraryOnly[int] = Field(default=0, ge=0)
    """Size of n-grams that may occur only once in the translation of a sentence. 0 allows all
    repetitions."""
    repetition_penalty: LibraryOnly[PositiveFloat] = 1.0
    """Penalty for tokens that the translation of a sentence already contains. 1 means no
    penalty."""
    formality: Formality | None = None
    """Form of address of the translation: `formal` or `informal`, if the model knows both. By
    default the model decides."""
    alternatives: int = Field(default=0, ge=0)
    """Number of additional translations to return, best first. Must be smaller than the model's
    widest beam."""
    alignment: bool = False
    """Return the source and target tokens, and the attention weights between them."""
    sentence_alignments: LibraryOnly[bool] = False
    """Return with each translation how the tokens of its sentences are aligned with the source:
    their spans in both texts and the attention weights between them."""
    glossary: dict[TermText, TermText] = Field(default={}, max_length=500)
    """Translations that terms of the source must have: each term is found as whole words, in
    upper or lower case unless it has capitals within a word, the longest one first, and
    the translation contains what it stands for once for each time, exactly as given."""
    do_not_translate: tuple[TermText, ...] = Field(default=(), max_length=500)
    """Terms that the translation contains as they stand in the source, once for each time. They are
    found as those of the glossary are."""
    score_target: LibraryOnly[bool] = False
    """Score the given translation `target` of each row instead of translating its `source`."""

    @model_validator(mode="after")
    def _each_term_once(self) -> Self:
        check_terms(self.glossary, self.do_not_translate)
        return self


def check_terms(*lists: Iterable[str]) -> None:
    """Raises ValueError for a term that several lists have, or one of them in two cases."""
    terms = Counter(term.lower() for each in lists for term in each)
    for term, count in terms.items():
        if count > 1:
            raise ValueError(
                f"the term {term[:50]!r} occurs {count} times in glossary and do_not_translate; "
                "keep one, as upper and lower case are the same"
            )
