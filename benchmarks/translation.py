"""Translation in sentences/s and tokens/s, greedy and with a beam of 5, compared with PyTorch; cost
of sentence length and beam size.

textrnn takes and returns text. PyTorch runs the same network and search and is given token ids.
"""

from dataclasses import replace

import textrnn
from benchmarks.timing import side_by_side, table
from textrnn.batching import Limits
from textrnn.predictor import Predictor
from textrnn.tasks import Example
from textrnn.tasks.translate.option_arrays import max_output_tokens
from textrnn.tasks.translate.options import TranslateOptions

MODEL = "translate-en-de"
SENTENCES = [
    "Where is the nearest hospital?",
    "I don't think that he will come tomorrow.",
    "She asked me whether I had seen her brother.",
    "It rains.",
    "If I had more time, I would learn to play the piano.",
    "Tom and Mary were sitting in the kitchen, drinking coffee and talking about the weather.",
    "The train leaves in ten minutes.",
    "Would you please open the window?",
]
LENGTHS = [15, 31, 63, 127]
BEAMS = [1, 2, 4, 8, 16]


def main() -> None:
    predictor = textrnn.load(MODEL)
    beside_torch(predictor)
    by_length(predictor)
    by_beam(predictor)


def beside_torch(predictor: Predictor) -> None:
    import torch

    from benchmarks.torch_translator import TorchTranslator

    torch.set_num_threads(2)
    network = TorchTranslator(predictor)
    rows = []
    for beam in (1, 5):
        options = {"beam_size": beam, "length_penalty": 1.0}
        for count in (1, 64):
            texts = (SENTENCES * count)[4 : 4 + count]
            examples = [
                predictor.task.read({"text": text}, TranslateOptions(**options)) for text in texts
            ]
            ids, lengths, most = _tensors(examples)
            translations = network(ids, lengths, beam, most)
            _agree(predictor, examples, translations)
            tokens = sum(len(path) + 1 for path, _ in translations)
            seconds = side_by_side({
                "alone": lambda texts=texts, options=options: predictor.predict(texts, **options),
                "peer": lambda a=(ids, lengths, beam, most): network(*a),
            })  # fmt: skip
            rows.append([
                beam, count, count / seconds["alone"], tokens / seconds["alone"],
                tokens / seconds["peer"], f"{seconds['peer'] / seconds['alone']:.2f}",
            ])  # fmt: skip
    head = ["beam", "at a time", "sentences/s", "target tokens/s", "PyTorch's", "ratio"]
    table(f"{MODEL}, text in, text out", head, rows)


def by_length(predictor: Predictor) -> None:
    """Random sources of the given number of tokens, with targets of equal length."""
    rows, first = [], 0.0
    for length in LENGTHS:
        examples = [_of_length(predictor, length, 5)] * 8
        seconds = _seconds(predictor, examples)
        first = first or seconds / length
        rows.append([length, 1e3 * seconds, f"{seconds / length / first:.2f}"])
    table("8 rows, beam 5", ["tokens", "ms", "time per token over the first"], rows)


def by_beam(predictor: Predictor) -> None:
    """Each beam in a program of its width."""
    rows, first = [], 0.0
    for beam in BEAMS:
        limits = Limits(length=32, rows=8, tokens=256, width=beam)
        exact = Predictor(replace(predictor.task, limits=limits), predictor.params)
        seconds = _seconds(exact, [_of_length(exact, 31, beam)] * 8)
        first = first or seconds
        rows.append([beam, 1e3 * seconds, f"{seconds / first:.2f}"])
    table("8 rows of 31 tokens", ["beam", "ms", "time over that of beam 1"], rows)


def _of_length(predictor: Predictor, length: int, beam: int) -> Example:
    fixed_length = TranslateOptions(beam_size=beam, min_length=length, max_length=length)
    example = predictor.task.read({"text": "house " * length}, fixed_length)
    assert [len(window) for window in example.windows] == [length + 1]
    return example


def _seconds(predictor: Predictor, examples: list[Example]) -> float:
    groups = predictor.plan(examples)
    return side_by_side({"one": lambda: predictor.run(examples, groups)}, rounds=7)["one"]


def _tensors(examples: list[Example]):
    import torch

    ids = [torch.from_numpy(window.ids.astype("int64")) for e in examples for window in e.windows]
    lengths = torch.tensor([len(row) for row in ids])
    padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
    return padded, lengths, [max_output_tokens(len(row)) for row in ids]


def _agree(predictor: Predictor, examples: list[Example], translations: list) -> None:
    """Check that PyTorch finds the same translations."""
    for example, (path, total) in zip(predictor.run(examples), translations, strict=True):
        (output,) = example
        best = output.rows
        assert best.tokens[0, : best.lengths[0]].tolist() == path
        assert abs(best.log_probabilities[0] - total) < 1e-2
