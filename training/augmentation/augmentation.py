"""Augmentation: training rows as people might have typed them.

Each row is changed with probabilities of the recipe. The changes are a function of the seed, the
epoch and the index of the row alone, so a run that is resumed sees the same rows.
"""

from collections.abc import Sequence
from random import Random

from textrnn.rows import Row
from textrnn.text.formality import formality
from training.augmentation import spelling
from training.augmentation.config import AugmentConfig
from training.augmentation.names import NameReplacement
from training.augmentation.phrases import WordLinks, with_insertion, with_slot, wrapped

_SHORT = 40
"""Characters of the longest text that is inserted into another one or listed with it."""


class Augmentation:
    """The rows of each epoch.

    `language` is that of the targets. `links` are the aligned words of each pair, or None where it
    has no alignment; they are needed if `config.aligned`.
    """

    def __init__(
        self,
        config: AugmentConfig,
        rows: Sequence[Row],
        seed: int,
        language: str = "",
        links: Sequence[WordLinks | None] = (),
    ):
        self._config = config
        self._rows = rows
        self._seed = seed
        self._language = language
        self._links = links
        self._pairs = [(row["source"], row["target"]) for row in rows if "target" in row]
        self._names = NameReplacement(self._pairs, config.titles) if config.names else None
        self._short = [pair for pair in self._pairs if max(map(len, pair)) <= _SHORT]

    def rows(self, epoch: int) -> list[Row]:
        return [self._augmented(index, epoch) for index in range(len(self._rows))]

    def _augmented(self, index: int, epoch: int) -> Row:
        row, random = self._rows[index], Random(f"{self._seed}/{epoch}/{index}")
        if "target" in row:
            links = self._links[index] if self._links else None
            pair = self._changed_pair(row["source"], row["target"], links, random)
            row = {**row, "source": self._typed(pair[0], random), "target": pair[1]}
            address = formality(pair[1], self._language)
            if address and random.random() < self._config.formality:
                row["formality"] = address
            return row
        return {**row, "text": self._typed(row["text"], random)}

    def _changed_pair(
        self, source: str, target: str, links: WordLinks | None, random: Random
    ) -> tuple[str, str]:
        config = self._config
        change = random.random()  # at most one of those that need the alignment
        if change < config.slots and links:
            source, target = with_slot(source, target, links, random)
        elif change < config.slots + config.wrapping:
            source, target = wrapped(source, target, links, random)
        elif change < config.slots + config.wrapping + config.insertion and links and self._short:
            inserted = self._fragment(random)
            source, target = with_insertion(source, target, links, inserted, random)
        if self._names and random.random() < config.names:
            source, target = self._names.replaced(source, target, random)
        if random.random() < config.final_mark:
            source, target = map(spelling.without_final_mark, (source, target))
        if random.random() < config.listing and self._short and len(source) <= _SHORT:
            label = self._fragment(random)
            source, target = f"{label[0]}: {source}", f"{label[1]}: {target}"
        return source, target

    def _fragment(self, random: Random) -> tuple[str, str]:
        source, target = random.choice(self._short)
        return spelling.without_final_mark(source), spelling.without_final_mark(target)

    def _typed(self, text: str, random: Random) -> str:
        config = self._config
        case = random.random()
        if case < config.lower_case:
            text = text.lower()
        elif case < config.lower_case + config.title_case:
            text = spelling.title_case(text)
        if random.random() < config.punctuation:
            text = spelling.without_punctuation(text) or text
        if random.random() < config.typing_error:
            text = spelling.with_typing_error(text, random)
        if random.random() < config.respell:
            text = spelling.respelled(text, config.respellings)
        return text
