"""What a recipe says about augmentation."""

from pydantic import Field

from textrnn.config import Config

Probability = Field(default=0.0, ge=0, le=1)


class AugmentConfig(Config):
    """Probabilities with which a training row is changed, drawn anew for each row and epoch."""

    lower_case: float = Probability
    """Lower-case the input."""
    title_case: float = Probability
    """Capitalise each word of the input, as in headlines."""
    final_mark: float = Probability
    """Leave out the final mark, of both texts of a pair."""
    punctuation: float = Probability
    """Leave out the commas and apostrophes of the input."""
    typing_error: float = Probability
    """Swap, drop or double a letter of a word of the input."""
    formality: float = Probability
    """For translation: tell the model the form of address of the target, if it has one."""
    respell: float = Probability
    """Replace the letters of `respellings` in the input."""
    respellings: dict[str, str] = {}
    """Letters that are written differently at times, as in `{"ß" = "ss"}`."""
    names: float = Probability
    """For translation: put other names in place of names that both texts contain, many of which
    are also ordinary words."""
    titles: tuple[tuple[str, str], ...] = ()
    """For translation: titles that are put before names, each in both languages, as in
    `[["Mr.", "Herr"]]`."""
    slots: float = Probability
    """For translation: put a placeholder in place of a short phrase and its translation."""
    wrapping: float = Probability
    """For translation: put brackets, quotes, emphasis or markup around a phrase and its
    translation."""
    insertion: float = Probability
    """For translation: insert another pair into this one, in brackets."""
    listing: float = Probability
    """For translation: join this pair to another one as in `Label: value`."""

    @property
    def of_pairs(self) -> list[str]:
        """The changes in use that need a pair of texts."""
        names = ("final_mark", "formality", "names", "slots", "wrapping", "insertion", "listing")
        return [name for name in names if getattr(self, name)]

    @property
    def aligned(self) -> bool:
        """Whether any change needs the alignment of the words of a pair."""
        return max(self.slots, self.wrapping, self.insertion) > 0
