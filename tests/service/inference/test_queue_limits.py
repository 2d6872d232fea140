"""Limits of the queue in rows, tokens and expected waiting time."""

import pytest

from service.inference.queue_limits import QueueLimits


def fits(limits, rows, tokens):
    return limits.retry_after(rows, tokens) is None


def at_head(limits, unread):
    """For a request whose body has not arrived, after others in the same state."""
    return limits.retry_after(1, 1, unread, limits.max_seconds)


def test_rows_and_tokens_are_limited():
    limits = QueueLimits(rows=4, tokens=100, seconds=60)
    assert fits(limits, 4, 100)
    assert not fits(limits, 5, 100)
    assert not fits(limits, 4, 101)
    limits.count(3, 90)
    assert at_head(limits, 0) is None
    assert fits(limits, 1, 10)
    assert not fits(limits, 1, 11)
    assert at_head(limits, 1) == 1  # the fourth is not read yet
    limits.count(1, 10)
    assert at_head(limits, 0) == 1
    limits.count(-4, -100)
    assert at_head(limits, 0) is None


@pytest.mark.parametrize("pace", [100, 10_000])
def test_requests_that_would_wait_too_long_are_refused_until_the_queue_is_shorter(pace):
    """At the measured pace, not the initial one. Fails also if requests that have not been read do
    not count as average texts."""
    limits = QueueLimits(rows=10_000, tokens=10**9, seconds=3)
    for _ in range(100):
        limits.measure(pace // 2, 0.5)
    for _ in range(29):
        limits.count(1, pace // 10)  # a tenth of a second each
    assert at_head(limits, 0) is None
    assert at_head(limits, 20) == 3
    limits.count(2, pace // 5)
    assert at_head(limits, 0) == 4  # 3.1 s, rounded up
    assert fits(
        limits, 100, pace
    )  # a request that has been read is not refused for its expected wait
    limits.count(-2, -pace // 5)
    assert at_head(limits, 0) is None


def test_retry_after_has_bounds():
    limits = QueueLimits(rows=10, tokens=10**9, seconds=60)
    assert limits.retry_after(11, 0) == 1
    limits.count(10, 10**9)
    assert at_head(limits, 0) == limits.retry_after(1, 1) == 120
