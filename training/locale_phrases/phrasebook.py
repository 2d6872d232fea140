"""What people say first and what programs say most: phrasebook.tsv.

Greetings, courtesy, questions to strangers, signs, and the words of buttons, forms and messages:
corpora of sentences have few of them, or none. A line of the file has one meaning in each language;
` | ` separates ways to write it, of which the first is the standard.
"""

from importlib import resources


def phrasebook(source: str, target: str) -> list[tuple[str, str]]:
    """The phrases of one language, in all ways to write them, with their translations; none if
    either language is not in the book. A phrase with several meanings has the first."""
    text = resources.files("training.locale_phrases").joinpath("phrasebook.tsv").read_text("utf-8")
    languages, *meanings = (line.split("\t") for line in text.splitlines())
    if source not in languages or target not in languages:
        return []
    first, second = languages.index(source), languages.index(target)
    found: dict[str, str] = {}
    for meaning in meanings:
        for way in meaning[first].split(" | "):
            found.setdefault(way, meaning[second].split(" | ")[0])
    return list(found.items())
