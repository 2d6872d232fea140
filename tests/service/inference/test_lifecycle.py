"""Compilation while serving."""

import gc
import time

import pytest

from service.inference.lifecycle import Lifecycle
from support.http_calls import classify
from support.log_watch import expecting
from support.models import ready


@pytest.mark.parametrize("room", [True, False])
def test_shapes_left_out_for_lack_of_memory_maps_are_not_needed(
    make_context, tiny_bundle, monkeypatch, caplog, room
):
    """Fails if a server compiles until the kernel kills it; if it does not log that it stopped
    compiling; if texts whose shape was left out are not answered; or if the garbage collector still
    traverses the objects of JAX."""
    monkeypatch.setattr("service.inference.lifecycle.can_compile_more", lambda: room)
    context, fresh = make_context(), ready(tiny_bundle)
    first, grid = fresh.predictor.compilations, len(fresh.predictor.task.shapes())
    lifecycle = Lifecycle(context.models, context.readiness)
    try:
        with expecting("shapes are") as logged:
            lifecycle.warm_up([fresh], time.monotonic(), on_failure=pytest.fail)
            assert logged.wait(120)
        lifecycle.close()
        assert gc.get_freeze_count() > 100_000
    finally:
        lifecycle.close()
        gc.unfreeze()
    expected = "all shapes are compiled" if room else f"{grid - first} shapes are left out"
    assert any(expected in line for line in caplog.messages)
    assert classify(context, texts=["a fine film", "fine " * 40]).status_code == 200
    assert fresh.predictor.compilations == (grid if room else first)
