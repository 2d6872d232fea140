from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import UserError
from textrnn.tasks.tag.schemes import TaggedSpan, count_violations, legal, spans, tags, tagset

SCHEMES = ("IOB1", "IOB2", "IOBES")


@st.composite
def entities(draw):
    """Entities that do not overlap, and the length of their sentence."""
    cuts = sorted(draw(st.sets(st.integers(0, 12), max_size=8)))
    result = [
        TaggedSpan(start, end, draw(st.sampled_from(["PER", "LOC"])))
        for start, end in pairwise(cuts)
        if draw(st.booleans())
    ]
    return result, 12


@pytest.mark.parametrize("scheme", SCHEMES)
@given(sentence=entities())
def test_tags_and_spans_round_trip(scheme, sentence):
    """Fails if neighbours of one type merge, or an entity loses its first or last word."""
    given, length = sentence
    written = tags(given, length, scheme)
    assert spans(written) == given
    assert count_violations(written, scheme) == 0


def test_the_schemes_by_hand():
    given = [TaggedSpan(0, 1, "PER"), TaggedSpan(1, 4, "ORG"), TaggedSpan(4, 6, "ORG")]
    assert tags(given, 7, "IOBES") == (["S-PER", "B-ORG", "I-ORG", "E-ORG", "B-ORG", "E-ORG", "O"])
    assert tags(given, 7, "IOB2") == ["B-PER", "B-ORG", "I-ORG", "I-ORG", "B-ORG", "I-ORG", "O"]
    assert tags(given, 7, "IOB1") == ["I-PER", "I-ORG", "I-ORG", "I-ORG", "B-ORG", "I-ORG", "O"]


@pytest.mark.parametrize(
    ("broken", "read_as", "count"),
    [
        ("O I-PER I-PER", [TaggedSpan(1, 3, "PER")], 1),
        ("B-PER I-LOC O", [TaggedSpan(0, 1, "PER"), TaggedSpan(1, 2, "LOC")], 1),
        ("I-PER O I-LOC", [TaggedSpan(0, 1, "PER"), TaggedSpan(2, 3, "LOC")], 2),
        ("S-PER I-PER E-PER", [TaggedSpan(0, 1, "PER"), TaggedSpan(1, 3, "PER")], 3),
        ("E-PER E-PER O", [TaggedSpan(0, 1, "PER"), TaggedSpan(1, 2, "PER")], 2),
    ],
)
def test_broken_tags_are_read_as_conlleval_reads_them(broken, read_as, count):
    assert spans(broken.split()) == read_as
    if "S-" not in broken and "E-" not in broken:
        assert count_violations(broken.split(), "IOB2") == count


@pytest.mark.parametrize("tag", ["PER", "X-PER", "B-", "", "O-PER", "b-PER"])
def test_an_unknown_tag_is_an_error(tag):
    with pytest.raises(UserError, match="unknown tag"):
        spans(["O", tag])


@pytest.mark.parametrize(
    "overlapping",
    [
        [TaggedSpan(0, 2, "A"), TaggedSpan(1, 3, "B")],
        [TaggedSpan(1, 1, "A")],
        [TaggedSpan(2, 9, "A")],
    ],
)
def test_entities_without_a_representation_are_an_error(overlapping):
    with pytest.raises(ValueError, match="overlaps"):
        tags(overlapping, 4)


def test_legal_is_what_tags_can_write():
    """A sequence of legal transitions is exactly what `tags` writes for its own entities. Fails if
    `legal` allows a transition that `tags` never writes, or forbids one that it does."""
    names = tagset(["A", "B"])
    start, transition = legal(names)

    def paths(length):
        if length == 1:
            return [[i] for i in range(len(names)) if start[i]]
        return [
            [*p, i] for p in paths(length - 1) for i in range(len(names)) if transition[p[-1], i]
        ]

    legal_ones = {tuple(names[i] for i in path) for path in paths(3) if transition[path[-1], 0]}
    for path in legal_ones:
        assert tuple(tags(spans(path), 3)) == path
    closed = {tags_ for tags_ in legal_ones if tags_[1] == "O"}
    assert len(closed) == 3 * 3, "O, S-A or S-B before, and after"
