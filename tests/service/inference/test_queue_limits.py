"""Limits of the queue in texts, tokens and expected waiting time, and their shares."""

import pytest

from service.inference.queue_limits import Demand, QueueLimits

NOW = 10**6
"""A deadline that is never reached."""


def fits(limits, texts, tokens, client="me"):
    return limits.retry_after_read(client, Demand(1, texts, tokens, 0.0), NOW) is None


def fill(limits, client, seconds, requests=1):
    each = seconds / requests
    for _ in range(requests):
        limits.open(client, Demand(texts=1, tokens=1, seconds=each, first=each))


def test_texts_and_tokens_are_limited():
    limits = QueueLimits(texts=4, tokens=100, seconds=60)
    assert fits(limits, 4, 100)
    assert not fits(limits, 5, 100)
    assert not fits(limits, 4, 101)
    most = Demand(texts=3, tokens=90)
    limits.open("me", most)
    assert limits.retry_after("me") is None
    assert fits(limits, 1, 10)
    assert not fits(limits, 1, 11)
    assert limits.retry_after("me", unread=1, unread_of_client=1) == 1  # the fourth is not read yet
    limits.open("me", Demand(texts=1, tokens=10))
    assert limits.retry_after("me") == 1
    limits.change("me", Demand(texts=1, tokens=10), -1)
    limits.close("me")
    assert limits.retry_after("me") is None


def test_a_client_that_fills_the_queue_takes_no_share_of_another():
    """Of texts, tokens and seconds. Fails if what one client sends makes others a 429."""
    for demand in (
        Demand(texts=8, tokens=8), Demand(texts=1, tokens=64),
        Demand(texts=1, tokens=1, seconds=9, first=9),
    ):  # fmt: skip
        limits = QueueLimits(texts=8, tokens=64, seconds=3)
        limits.open("heavy", demand)
        assert limits.retry_after("heavy") is not None
        assert limits.retry_after("light") is None
        assert fits(limits, 4, 32, "light")
        assert not (fits(limits, 5, 33, "light") and demand.seconds == 0)


def test_requests_of_a_client_wait_for_one_text_of_each_other():
    """As they take turns. Fails if a word waits, or is refused, for the texts of one long request
    from the same address."""
    limits = QueueLimits(texts=100, tokens=10**6, seconds=3)
    limits.open("me", Demand(texts=50, tokens=50, seconds=10, first=0.2))
    assert limits.retry_after("me") is None
    assert limits.expected_wait("me", Demand(texts=1, first=0.1)) == pytest.approx(0.3)
    fill(limits, "me", 2.9, requests=20)
    assert limits.retry_after("me") == 4


def test_more_clients_have_smaller_shares():
    """Fails if every new client can add to a full queue."""
    limits = QueueLimits(texts=8, tokens=64, seconds=3)
    for number in range(20):
        if limits.retry_after(str(number)) is None:
            limits.open(str(number), Demand(texts=1, tokens=1))
    assert limits.total.texts == 8


@pytest.mark.parametrize("later", [0.0, 60.0])
def test_a_request_that_would_wait_too_long_is_refused(later):
    """Fails if requests that have not been read do not count as mean ones, or if what is to come of
    generated texts, which get half of the device, does not count."""
    limits = QueueLimits(texts=10_000, tokens=10**9, seconds=3)
    limits.open("me", Demand(texts=1, tokens=1, later=later))
    most = 2.9 if not later else 1.45
    fill(limits, "me", most, requests=145)
    assert limits.retry_after("me") is None
    assert limits.retry_after("me", 145, 145) in range(4, 120)
    limits.running = 0.2
    assert limits.retry_after("me") == 4  # 3.1 s, rounded up
    assert not fits(limits, 1, 1)
    limits.running = 0.0
    assert fits(limits, 1, 1)


def test_a_request_that_others_would_make_late_is_refused():
    limits = QueueLimits(texts=100, tokens=10**6, seconds=100)
    short, long = Demand(1, 1, 1, 1.0), Demand(1, 1, 1, 15.0)
    alone = Demand(1, 1, 1, 1.0, later=40.0)
    stream = Demand(1, 1, 1, 0.1, later=8.0)
    for demand in (short, long, alone, stream):
        assert limits.retry_after_read("me", demand, 30) is None
    limits.open("me", Demand(texts=1, tokens=1, seconds=12))
    assert limits.retry_after_read("me", short, 30) is None
    assert limits.retry_after_read("me", long, 30) == 3  # 12 + 15 - 24
    assert limits.retry_after_read("me", stream, 30) is None
    assert limits.retry_after_read("me", alone, 30) is None  # it would be late in any case
    limits.open("you", Demand(texts=1, tokens=1, later=6))
    assert limits.retry_after_read("me", stream, 30) == 4  # 2 * (6 + 8) - 24


def test_expected_waits_follow_those_observed():
    """Fails if waits that last longer than expected are not expected afterwards, or waits that end
    sooner make the server expect less than its queue holds."""
    limits = QueueLimits(texts=100, tokens=10**6, seconds=3)
    fill(limits, "me", 1.0)
    demand = Demand(1, 1, 1, 0.0)
    for _ in range(500):
        limits.observe_wait(limits.expected_wait("me", demand), 2.0)
        limits.observe_wait(0.01, 2.0)  # too short to tell
    assert limits.expected_wait("me", demand) == pytest.approx(2.0, rel=0.05)
    for _ in range(5000):
        limits.observe_wait(limits.expected_wait("me", demand), 0.5)
    assert limits.expected_wait("me", demand) == 1.0


def test_retry_after_has_bounds():
    limits = QueueLimits(texts=10, tokens=10**9, seconds=60)
    assert limits.retry_after_read("me", Demand(1, 11, 0, 0.0), NOW) == 1
    fill(limits, "me", 1000.0, requests=10)
    assert limits.retry_after("me") == 120


def test_what_rounding_leaves_does_not_add_up():
    limits = QueueLimits(texts=10, tokens=10**9, seconds=60)
    for _ in range(3):
        demand = Demand(texts=1, tokens=3, seconds=0.1, later=0.7)
        limits.open("me", demand)
        for seconds in (0.03, 0.07):
            limits.change("me", Demand(seconds=seconds), -1)
        limits.change("me", Demand(texts=1, tokens=3, later=0.7), -1)
        limits.close("me")
        assert limits.total == Demand()
        assert not limits._clients
