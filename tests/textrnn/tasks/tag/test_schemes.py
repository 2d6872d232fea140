from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import UserError
from textrnn.tasks.tag.schemes import Span, breaks, legal, spans, tags, tagset

SCHEMES = ("IOB1", "IOB2", "IOBES")


@st.composite
def entities(draw):
    """Entities that do not overlap, and the length of their sentence."""
    cuts = sorted(draw(st.sets(st.integers(0, 12), max_size=8)))
    found = [
        Span(start, end, draw(st.sampled_from(["PER", "LOC"])))
        for start, end in pairwise(cuts)
        if draw(st.booleans())
    ]
    return found, 12


@pytest.mark.parametrize("scheme", SCHEMES)
@given(sentence=entities())
def test_there_and_back(scheme, sentence):
    """Fails if neighbours of one type merge, or an entity loses its first or last word."""
    found, length = sentence
    written = tags(found, length, scheme)
    assert spans(written) == found
    assert breaks(written, scheme) == 0


def test_the_schemes_by_hand():
    found = [Span(0, 1, "PER"), Span(1, 4, "ORG"), Span(4, 6, "ORG")]
    assert tags(found, 7, "IOBES") == (["S-PER", "B-ORG", "I-ORG", "E-ORG", "B-ORG", "E-ORG", "O"])
    assert tags(found, 7, "IOB2") == ["B-PER", "B-ORG", "I-ORG", "I-ORG", "B-ORG", "I-ORG", "O"]
    assert tags(found, 7, "IOB1") == ["I-PER", "I-ORG", "I-ORG", "I-ORG", "B-ORG", "I-ORG", "O"]


@pytest.mark.parametrize(
    ("broken", "read_as", "count"),
    [
        ("O I-PER I-PER", [Span(1, 3, "PER")], 1),
        ("B-PER I-LOC O", [Span(0, 1, "PER"), Span(1, 2, "LOC")], 1),
        ("I-PER O I-LOC", [Span(0, 1, "PER"), Span(2, 3, "LOC")], 2),
        ("S-PER I-PER E-PER", [Span(0, 1, "PER"), Span(1, 3, "PER")], 3),
        ("E-PER E-PER O", [Span(0, 1, "PER"), Span(1, 2, "PER")], 2),
    ],
)
def test_broken_tags_are_read_as_conlleval_reads_them(broken, read_as, count):
    assert spans(broken.split()) == read_as
    if "S-" not in broken and "E-" not in broken:
        assert breaks(broken.split(), "IOB2") == count


@pytest.mark.parametrize("tag", ["PER", "X-PER", "B-", "", "O-PER", "b-PER"])
def test_a_tag_of_no_scheme_is_an_error(tag):
    with pytest.raises(UserError, match="unknown tag"):
        spans(["O", tag])


@pytest.mark.parametrize(
    "overlapping",
    [[Span(0, 2, "A"), Span(1, 3, "B")], [Span(1, 1, "A")], [Span(2, 9, "A")]],
)
def test_entities_that_no_tags_can_say(overlapping):
    with pytest.raises(ValueError, match="overlaps"):
        tags(overlapping, 4)


def test_legal_is_what_tags_can_write():
    """Every sequence that goes only legal ways is what `tags` writes for its own entities; and all
    that `tags` writes goes legal ways."""
    names = tagset(["A", "B"])
    first, between = legal(names)

    def paths(length):
        if length == 1:
            return [[i] for i in range(len(names)) if first[i]]
        return [[*p, i] for p in paths(length - 1) for i in range(len(names)) if between[p[-1], i]]

    legal_ones = {tuple(names[i] for i in path) for path in paths(3) if between[path[-1], 0]}
    for path in legal_ones:
        assert tuple(tags(spans(path), 3)) == path
    closed = {tags_ for tags_ in legal_ones if tags_[1] == "O"}
    assert len(closed) == 3 * 3, "O, S-A or S-B before, and after"
