"""How much may wait."""

import pytest

from service.inference.queue_limits import QueueLimits


def test_texts_and_tokens_are_bounded():
    room = QueueLimits(rows=4, tokens=100, seconds=60)
    assert room.fits(4, 100)
    assert not room.fits(5, 100)
    assert not room.fits(4, 101)
    room.count(3, 90)
    assert room.wait(coming=0) is None
    assert room.fits(1, 10)
    assert not room.fits(1, 11)
    assert room.wait(coming=1) == 1  # the fourth is on its way
    room.count(1, 10)
    assert room.wait(coming=0) == 1
    room.count(-4, -100)
    assert room.wait(coming=0) is None


@pytest.mark.parametrize("pace", [100, 10_000])
def test_what_would_wait_too_long_is_sent_away_until_the_queue_is_shorter(pace):
    """At the pace that was seen, not the one assumed at the start. Fails too if those on their way
    are not counted, with the length that texts have had."""
    room = QueueLimits(rows=10_000, tokens=10**9, seconds=3)
    for _ in range(100):
        room.learn(pace // 2, 0.5)
    for _ in range(29):
        room.count(1, pace // 10)  # a tenth of a second each
    assert room.wait(coming=0) is None
    assert room.wait(coming=20) == 3
    room.count(2, pace // 5)
    assert room.wait(coming=0) == 4  # 3.1 s, rounded up
    assert room.fits(100, pace)  # who is past the door is not sent away for a wait
    room.count(-2, -pace // 5)
    assert room.wait(coming=0) is None


def test_a_pause_has_bounds():
    room = QueueLimits(rows=10, tokens=10**9, seconds=60)
    assert room.pause == 1
    room.count(10, 10**9)
    assert room.wait(coming=0) == room.pause == 120
