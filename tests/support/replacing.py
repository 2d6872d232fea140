"""Replace the bundle of a running server."""

import json


def classify(client, text="a fine film"):
    return client.post("/v1/classify", json={"text": text})


def score_of(client):
    return classify(client).json()["results"][0]["score"]


def change_temperature(bundle, temperature):
    """Turn a bundle into a valid bundle of another model, without probes."""
    info = json.loads((bundle / "bundle.json").read_text())
    info["config"]["temperature"] = temperature
    info["files"].pop("probe.json")
    (bundle / "probe.json").write_text("[]")
    (bundle / "bundle.json").write_text(json.dumps(info))
