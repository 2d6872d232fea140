"""The order in which clients are served."""

import numpy as np
import pytest

from service.inference.fair_queue import FairQueue


def serve(queue, count, seconds):
    """The items of the first parts that run, each of which has another part like it."""
    served = []
    for _ in range(count):
        lane, clients = queue.next_lane(), queue.clients
        served.append(queue.first(lane))
        queue.move(lane, seconds[served[-1]])
        queue.advance(seconds[served[-1]], clients)
    return served


def test_clients_with_work_get_equal_times():
    """Whatever their parts cost, and in whatever lane they are (Goyal et al. 1996, theorem 1: two
    clients differ by at most one part of each). Fails if clients get equal numbers of parts."""
    random, queue = np.random.default_rng(0), FairQueue()
    seconds = {name: float(random.uniform(0.001, 0.5)) for name in "abcdefgh"}
    for name, each in seconds.items():
        queue.push("xyz"[ord(name) % 3], name, each, name)
    got = dict.fromkeys(seconds, 0.0)
    for name in serve(queue, 2000, seconds):
        got[name] += seconds[name]
        assert max(got.values()) - min(got.values()) <= 2 * max(seconds.values())


def test_requests_of_a_client_take_turns():
    queue = FairQueue()
    for name in ("a1", "a2", "b1"):
        queue.push("m", name[0], 1.0, name)
    served = serve(queue, 8, dict.fromkeys(("a1", "a2", "b1"), 1.0))
    assert sorted(served) == ["a1"] * 2 + ["a2"] * 2 + ["b1"] * 4


@pytest.mark.parametrize("clients", [1, 5, 50])
def test_a_new_client_waits_for_one_part_of_each_other_client(clients):
    """However much they have sent. Fails if it waits for all of it."""
    queue = FairQueue()
    for name in range(clients):
        for _ in range(20):
            queue.push("m", str(name), 1.0, name)
    seconds = dict.fromkeys([*range(clients), "light"], 1.0)
    serve(queue, 33, seconds)
    queue.push("m", "light", 0.001, "light")
    assert "light" in serve(queue, clients + 1, seconds)


def test_new_clients_do_not_starve_the_rest_of_an_earlier_request():
    """Fails if virtual time stands still while each client has one part."""
    queue = FairQueue()
    queue.push("m", "long", 0.1, "long")
    for name in range(10):
        queue.push("m", str(name), 0.1, name)
    runs = []
    for name in range(10, 1000):
        clients = queue.clients
        runs.append(queue.first("m"))
        if runs[-1] == "long":
            queue.move("m", 0.1)
        else:
            queue.pop("m")
            queue.push("m", str(name), 0.1, name)
        queue.advance(0.1, clients)
    turns = [index for index, name in enumerate(runs) if name == "long"]
    assert len(turns) > 50
    assert max(np.diff(turns)) <= 25


def test_clients_without_work_are_forgotten():
    """Fails if each client that ever came takes memory."""
    queue = FairQueue()
    for name in range(1000):
        queue.push("m", str(name), 1.0, name)
        queue.pop("m")
    assert not queue
    assert queue.clients == 0
    assert queue.first("m") is None
    with pytest.raises(ValueError, match="empty"):
        queue.next_lane()
