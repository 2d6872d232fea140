"""Classification options."""

from typing import Literal

from pydantic import Field

from textrnn.tasks.options import LibraryOnly, Options

ScoreFunction = Literal["softmax", "sigmoid", "none"]


class ClassifyOptions(Options):
    top_k: int | None = Field(default=None, ge=1)
    """Number of scores to return, highest first. Returns the scores of all labels if not set."""
    function_to_apply: LibraryOnly[ScoreFunction | None] = None
    """Function that turns logits into scores: a softmax over all labels, a sigmoid for each label,
    or none. Uses the model's own function if not set. The predicted labels do not depend on it."""
    candidate_labels: tuple[str, ...] = ()
    """Labels to choose from. Others get no score, and a softmax is over these alone. All labels of
    the model if empty."""
    explain: bool = False
    """Return an attribution for each token: its contribution to the score of the top label."""
    html: bool = False
    """The text is HTML: tags and comments are not read, and references such as `&amp;` stand for
    their characters. Offsets are those in the HTML."""
    spans: bool = False
    """Return the spans of a text that changes its label, such as its language: each with its label
    and its offsets in Unicode code points."""
