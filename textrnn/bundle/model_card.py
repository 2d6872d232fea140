"""The model card: README.md of a bundle, in the Hugging Face model card form."""

import json
from typing import Any

from textrnn.tasks import TASKS


def render_card(info: dict[str, Any], size: int) -> str:
    """The card of a bundle.json; `size` is that of the bundle in bytes."""
    training = info["training"]
    parts = [
        _front_matter(info),
        f"# {info['name']}\n\n{info['description']}",
        _facts(info, size),
        *([f"## Notes\n\n{notes}"] if (notes := training["recipe"].get("notes")) else []),
        _use(info),
        _metrics(info),
        _data(info),
        f"## Recipe\n\nMade by `textrnn train {training['recipe']['name']}` from this recipe, "
        f"with seed {training['recipe']['train']['seed']}, in {training['seconds'] / 60:.0f} "
        f"minutes on {training['device']}.\n\n"
        f"```json\n{json.dumps(training['recipe'], indent=1, ensure_ascii=False)}\n```",
        "Versions: " + ", ".join(f"{k} {v}" for k, v in training["versions"].items()) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(info: dict[str, Any]) -> str:
    results = [
        {
            "task": {"type": TASKS[info["task"]].pipeline_tag},
            "dataset": {"name": name, "type": name, "split": "development"},
            "metrics": [{"type": m, "value": round(v, 4)} for m, v in values.items()],
        }
        for name, values in info["metrics"].items()
    ]
    fields = {
        "language": list(info["languages"]),
        "license": info["licence"],
        "library_name": "textrnn",
        "pipeline_tag": TASKS[info["task"]].pipeline_tag,
        "tags": ["textrnn", "jax", "lstm", info["task"]],
        "model-index": [{"name": info["name"], "results": results}],
    }
    # JSON is YAML, and needs no rules for quoting.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return "\n".join(["---", *lines, "---"])


def _facts(info: dict[str, Any], size: int) -> str:
    limit = info["config"].get("limit", info["limits"]["length"] - 2)
    facts = [
        ("task", info["task"]),
        ("languages", ", ".join(info["languages"]) or "none stated"),
        ("parameters", f"{info['parameters']:,}"),
        ("size", f"{size / 1e6:.1f} MB, weights stored as {info['storage']}"),
        ("longest text", f"{limit} tokens ({info['tokenizer']})"),
        ("licence", info["licence"]),
    ]
    if info["speed"]:
        speed = info["speed"]
        share = (
            f", which is {speed['peak_share']:.0%} of what matrix products alone reach on that "
            "machine"
            if "peak_share" in speed
            else ""
        )
        facts.append((
            "speed",
            f"{speed['tokens_per_second']:,.0f} tokens/s in batches of {speed['rows']:.0f} texts "
            f"of {speed['length']:.0f} tokens{share} ({info['training']['device']})",
        ))  # fmt: skip
    if info["config"].get("labels"):
        facts.append(("labels", ", ".join(info["config"]["labels"])))
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts)])


def _use(info: dict[str, Any]) -> str:
    return (
        "## Use\n\n```python\nimport textrnn\n\n"
        f'textrnn.load("{info["name"]}").predict(["..."])\n```'
    )


def _metrics(info: dict[str, Any]) -> str:
    columns: list[str] = list(
        dict.fromkeys(name for values in info["metrics"].values() for name in values)
    )
    titles = {metric.name: metric.title for metric in TASKS[info["task"]].metrics}
    head = "| development set | rows | " + " | ".join(titles[c] for c in columns) + " |"
    rows = [
        f"| {name} | {info['training']['rows'][name]:,} | "
        + " | ".join(f"{values[c]:.4f}" if c in values else "" for c in columns)
        + " |"
        for name, values in info["metrics"].items()
    ]
    note = (
        "Measured on the weights as they are stored, one seed. The development sets also chose the "
        "epoch."
    )
    if "temperature" in info["config"]:
        note += (
            " Temperature (and thresholds, where there are any) are fitted to them; each half of "
            "the rows is measured here with what was fitted to the other half."
        )
    if "beam_size" in info["config"]:
        note += (
            f" Found with a beam of {info['config']['beam_size']} and a length penalty of "
            f"{info['config']['length_penalty']:g}, sentence by sentence."
        )
    return "\n".join(["## Results", "", note, "", head, "|---" * (len(columns) + 2) + "|", *rows])


def _data(info: dict[str, Any]) -> str:
    training = info["training"]
    sets = [f"| {source['name']} | {source['licence']} |" for source in training["data"]]
    # The first 16 digits of a SHA-256 are enough; other fingerprints are short.
    files = [
        f"| `{name}` | `{mark[:16] if len(mark) == 64 else mark}` |"
        for name, mark in training["fingerprints"].items()
    ]
    return "\n".join(
        [
            "## Data",
            "",
            f"{training['rows']['train']:,} training rows.",
            "",
            "| data | licence of the text |",
            "|---|---|",
            *sets,
            "",
            "| file | SHA-256 begins |",
            "|---|---|",
            *files,
        ]
    )
