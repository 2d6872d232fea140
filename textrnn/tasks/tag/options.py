"""Tagging options."""

from typing import Self

from pydantic import Field, model_validator

from textrnn.tasks.options import LibraryOnly, Options


class TagOptions(Options):
    min_score: float = Field(default=0.0, ge=0, le=1)
    """Minimum probability of an entity. Entities with a lower probability are left out."""
    tags: LibraryOnly[bool] = False
    """Return the words with one tag each: an IOB2 tag if the labels are entity types."""
    marginals: bool = False
    """Return the words with the marginal probability of each label."""
    html: bool = False
    """The text is HTML: tags and comments are not read, and references such as `&amp;` stand for
    their characters. Offsets are those in the HTML."""

    @model_validator(mode="after")
    def _tags_or_marginals(self) -> Self:
        if self.tags and self.marginals:
            raise ValueError("tags and marginals exclude each other; set one of them")
        return self
