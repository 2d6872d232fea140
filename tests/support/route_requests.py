"""A valid request for every route."""

import json

BODIES = {
    "/v1/classify": {"text": "a fine film", "top_k": 2},
    "/v1/detect": {"text": "a fine film", "model": "tiny", "spans": True},
    "/v1/tag": {"texts": ["Ada Lovelace met Bob in Rome ."], "marginals": True},
    "/v1/translate": {"text": "one two", "beam_size": 2, "alternatives": 1},
    "/v1/translate/score": {"pairs": [{"source": "one two", "target": "two one"}]},
    "/v1/generate": {"prompt": "cat ", "max_characters": 3, "seed": 1, "stop": ["x"]},
    "/v1/completions": {"model": "tiny-generate", "prompt": ["cat "], "max_tokens": 3, "seed": 1},
    "/models/tiny": {"inputs": "a fine film", "parameters": {"top_k": 1}},
    "/models/tiny-tag": {"inputs": ["Bob"], "parameters": {"aggregation_strategy": "none"}},
    "/models/tiny-translate": {"inputs": "one two", "parameters": {}},
    "/models/tiny-generate": {
        "inputs": "cat ",
        "parameters": {"max_new_tokens": 3, "top_k": 2, "seed": 1},
    },
    "/translate": {"q": "<b>one</b> two", "source": "en", "target": "de", "format": "html"},
    "/detect": {"q": ["a fine film"]},
    "/translate_file": {"file": "one two", "source": "en", "target": "de"},
}
"""A valid body for every route that takes one. (A file is only valid in a multipart form.)"""
NO_FILE = "/download_file/0.txt"
PAGES = (
    "/", "/playground/alignment.js", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics",
    "/v1/models", "/v1/models/tiny", "/models/tiny/info", "/models/tiny/health", "/languages",
    "/frontend/settings", NO_FILE,
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "QUERY")
JSON = {"content_type": "application/json"}
FORM = {"content_type": "application/x-www-form-urlencoded"}


def whole(body) -> bytes:
    return json.dumps(body).encode()
