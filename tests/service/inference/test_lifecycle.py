"""What goes on beside serving."""

import gc
import time

import pytest

from service.inference import lifecycle
from service.inference.lifecycle import Lifecycle
from support.http_calls import classify
from support.log_watch import expecting
from support.models import ready


@pytest.mark.parametrize("room", [True, False])
def test_what_is_left_out_for_want_of_memory_maps_is_not_needed(
    make_context, tiny_bundle, monkeypatch, caplog, room
):
    """Fails if a server goes on to compile until the kernel ends it; if it does not say that it
    stopped; if texts that have no shape of their own are not answered; or if the garbage collector
    goes through all that JAX holds ever again."""
    monkeypatch.setattr(lifecycle, "can_compile_more", lambda: room)
    context, fresh = make_context(), ready(tiny_bundle)
    first, grid = fresh.predictor.compilations, len(fresh.predictor.task.shapes())
    it = Lifecycle(context)
    try:
        with expecting("shapes are") as said:
            it.warm_up([fresh], time.monotonic(), on_failure=pytest.fail)
            assert said.wait(120)
        it.close()
        assert gc.get_freeze_count() > 100_000
    finally:
        it.close()
        gc.unfreeze()
    expected = "all shapes are compiled" if room else f"{grid - first} shapes are left out"
    assert any(expected in line for line in caplog.messages)
    assert classify(context, texts=["a fine film", "fine " * 40]).status_code == 200
    assert fresh.predictor.compilations == (grid if room else first)
