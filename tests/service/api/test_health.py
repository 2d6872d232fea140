"""GET /metrics, through the application."""

from support.http_calls import ROUTE, SECRET, call, classify


def test_metrics_have_fixed_labels(context):
    """Fails if a path, a header or a text from a request becomes a label."""
    classify(context, text=SECRET)
    call(context, "GET", f"/{SECRET}", headers={"x-forwarded-for": SECRET, "x-request-id": SECRET})
    text = call(context, "GET", "/metrics").text
    assert SECRET not in text
    for line in (
        f'textrnn_requests_total{{model="tiny",route="{ROUTE}",status="200",task="classify"}} 1.0',
        'textrnn_requests_total{model="",route="unmatched",status="404",task=""} 1.0',
        'textrnn_batch_tokens_total{model="tiny"} 7.0',
        'textrnn_model_info{model="tiny",task="classify",version="',
        "textrnn_queue_depth 0.0",
        "textrnn_request_duration_seconds_count",
        "textrnn_queue_duration_seconds_count",
        "textrnn_inference_duration_seconds_count",
        "textrnn_batch_rows_count",
    ):
        assert line in text
