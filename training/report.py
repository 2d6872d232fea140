"""The report of a training run: the data, curves, a confusion matrix, the worst mistakes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np

from textrnn.bundle import BundleInfo
from textrnn.tasks import Answer, Row
from textrnn.tasks.translate.bleu import sentence_chrf
from training.data_report import DataReport
from training.log import read_metrics

matplotlib.use("Agg")
import matplotlib.pyplot as plt

MISTAKES = 20


def write_report(
    directory: Path,
    info: BundleInfo,
    dev: Mapping[str, Sequence[Row]],
    answers: Mapping[str, Sequence[Answer]],
    data: DataReport,
) -> Path:
    """Write report.md and its pictures into the directory of a run.

    The fields of rows and answers decide what is shown: labels with scores as a confusion matrix
    and the worst mistakes, texts with a target as the worst translations.
    """
    curves(read_metrics(directory / "metrics.jsonl"), directory / "curves.png")
    parts = [
        f"# {info.name}\n\n{info.description}",
        _table(info),
        f"## Data\n\n```text\n{data.as_text()}\n```",
        "## Training\n\n![loss, metrics and learning rate by step](curves.png)",
    ]
    for name, rows in dev.items():
        if "scores" in answers[name][0] and {"label", "labels"} & rows[0].keys():
            labels = list(info.config["labels"])
            picture = directory / f"confusion-{name}.png"
            confusion(confusion_shares(rows, answers[name], labels), labels, picture)
            parts.append(f"## {name}\n\n![given labels by true labels]({picture.name})")
            parts.append(_mistakes(rows, answers[name]))
        if "text" in answers[name][0] and "target" in rows[0]:
            parts.append(f"## {name}\n\n{_furthest(rows, answers[name])}")
    recipe = (directory / "recipe.toml").read_text(encoding="utf-8")
    parts.append(f"## Recipe\n\n```toml\n{recipe}```")
    path = directory / "report.md"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def curves(entries: Sequence[Mapping[str, float]], path: Path) -> None:
    """Plot training loss, development metrics and learning rate over the steps."""
    metrics = sorted({key for entry in entries for key in entry if "." in key})
    kinds = sorted({key.rsplit(".", 1)[1] for key in metrics})
    panels: list[tuple[str, list[str]]] = [("training loss", ["loss"])]
    panels += [(kind, [key for key in metrics if key.endswith("." + kind)]) for kind in kinds]
    panels.append(("learning rate", ["learning_rate"]))
    columns = 3
    height = -(-len(panels) // columns)
    figure, axes = plt.subplots(height, columns, figsize=(12, 3 * height), squeeze=False)
    for axis, (title, keys) in zip(axes.flat, panels, strict=False):
        for key in keys:
            points = [(entry["step"], entry[key]) for entry in entries if key in entry]
            axis.plot(*zip(*points, strict=True), label=key.rsplit(".", 1)[0])
        axis.set_title(title)
        axis.set_xlabel("step")
        if len(keys) > 1:
            axis.legend(fontsize="small")
    for axis in list(axes.flat)[len(panels) :]:
        axis.axis("off")
    _save(figure, path)


def confusion_shares(
    rows: Sequence[Row], answers: Sequence[Answer], labels: Sequence[str]
) -> np.ndarray:
    """[true, assigned]; of the rows with each true label, the share assigned each label.

    A multi-label row counts once for each pair of a true and an assigned label.
    """
    index = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)))
    totals = np.zeros(len(labels))
    for row, answer in zip(rows, answers, strict=True):
        for true in true_labels(row):
            totals[index[true]] += 1
            for given in given_labels(answer):
                counts[index[true], index[given]] += 1
    return counts / np.maximum(totals, 1)[:, None]


def confusion(shares: np.ndarray, labels: Sequence[str], path: Path) -> None:
    """Plot `confusion_shares`."""
    size = max(3.5, 0.32 * len(labels) + 1.5)
    figure, axis = plt.subplots(figsize=(size + 1, size))
    image = axis.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    axis.set_xticks(range(len(labels)), labels, rotation=90)
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xlabel("given")
    axis.set_ylabel("true")
    if len(labels) <= 10:
        for (true, given), share in np.ndenumerate(shares):
            shade = "white" if share > 0.5 else "black"
            axis.text(given, true, f"{share:.2f}", ha="center", va="center", color=shade)
    figure.colorbar(image)
    _save(figure, path)


def true_labels(row: Row) -> Sequence[str]:
    return row["labels"] if "labels" in row else [row["label"]]


def given_labels(answer: Answer) -> Sequence[str]:
    return answer["labels"] if "labels" in answer else [answer["label"]]


def _mistakes(rows: Sequence[Row], answers: Sequence[Answer]) -> str:
    """A table of the wrong rows with the least probable true labels."""
    wrong = []
    for row, answer in zip(rows, answers, strict=True):
        true, given = set(true_labels(row)), set(given_labels(answer))
        if true != given:
            scores = {entry["label"]: entry["score"] for entry in answer["scores"]}
            wrong.append((min(scores[label] for label in true or given), row, true, given))
    wrong.sort(key=lambda mistake: mistake[0])
    lines = [f"{len(wrong)} of {len(rows)} rows are wrong. The most confident mistakes:", ""]
    lines += ["| score of the true label | true | given | text |", "|---|---|---|---|"]
    for score, row, true, given in wrong[:MISTAKES]:
        names = f"{', '.join(true)} | {', '.join(given)}"
        lines.append(f"| {score:.4f} | {names} | {_cell(row['text'])} |")
    return "\n".join(lines)


def _furthest(rows: Sequence[Row], answers: Sequence[Answer]) -> str:
    """A table of the translations with the lowest chrF."""
    found, gold = [answer["text"] for answer in answers], [row["target"] for row in rows]
    scores = np.array(sentence_chrf(found, gold))
    lines = ["The translations furthest from their references, by chrF:", ""]
    lines += ["| chrF | source | expected | found |", "|---|---|---|---|"]
    for index in scores.argsort(kind="stable")[:MISTAKES]:
        texts = (rows[index]["source"], gold[index], found[index])
        lines.append(f"| {scores[index]:.1f} | {' | '.join(map(_cell, texts))} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= 300 else text[:300] + " ..."


def _table(info: BundleInfo) -> str:
    names = list(dict.fromkeys(m for values in info.metrics.values() for m in values))
    lines = ["| development set | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, values in info.metrics.items():
        cells = " | ".join(f"{values[m]:.4f}" if m in values else "" for m in names)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def _save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)
