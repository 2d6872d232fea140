"""The network of the tagger in PyTorch: words, letters, casing, BiLSTM, CRF."""

import numpy as np
import torch

from benchmarks.torch_parts import (
    RowDropout,
    WordDropout,
    fill_cell,
    fill_linear,
    run_lstm,
    tensors,
)
from textrnn.predictor import Predictor
from textrnn.tasks.tag.network import TaggerConfig

NEVER = -1e4


class TorchTagger(torch.nn.Module):
    """The network with the weights of a predictor: one BiLSTM layer, convolution over letters.

    `config` may have other rates of dropout than the predictor.
    """

    def __init__(self, config: TaggerConfig, predictor: Predictor, packed: bool = True):
        super().__init__()
        given = tensors(predictor.params)
        self.packed = packed
        self.word_dropout = WordDropout(config.embedding.word_dropout)
        self.words = torch.nn.Embedding.from_pretrained(given["embedding.table"], freeze=False)
        self.embedding_dropout = RowDropout(config.embedding.dropout)
        self.letters = torch.nn.Embedding.from_pretrained(given["characters.table"], freeze=False)
        self.casing = torch.nn.Embedding.from_pretrained(given["casing"], freeze=False)
        size, features = config.characters.size, config.characters.features
        width = config.characters.width
        kernel = given["characters.filters.kernel"].reshape(width, size, features)
        self.filters = torch.nn.Conv1d(size, features, width, padding=width // 2)
        self.filters.load_state_dict({
            "weight": kernel.permute(2, 1, 0), "bias": given["characters.filters.bias"],
        })  # fmt: skip
        self.encoder_dropout = RowDropout(config.encoder.dropout)
        hidden = config.encoder.hidden
        self.lstm = torch.nn.LSTM(config.width, hidden, bidirectional=True, batch_first=True)
        fill_cell(self.lstm, "_l0", given, "encoder.layers.0.forward.")
        fill_cell(self.lstm, "_l0_reverse", given, "encoder.layers.0.backward.")
        self.output = torch.nn.Linear(2 * hidden, given["output.bias"].numel())
        fill_linear(self.output, given)
        learned = [given[name] for name in ("first", "between", "last")]
        chain = [torch.from_numpy(np.array(part)) for part in predictor.model().chain()]
        self.first, self.between, self.last = map(torch.nn.Parameter, learned)
        self.scheme = [(part < NEVER / 2) * NEVER for part in chain]

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Emissions, [rows, time, tags]."""
        words = self.embedding_dropout(self.words(self.word_dropout(batch["ids"])))
        x = torch.cat([words, self._spelled(batch["letters"]), self.casing(batch["casing"])], dim=2)
        h = run_lstm(self.lstm, self.encoder_dropout(x), batch["lengths"], self.packed)
        return self.output(self.encoder_dropout(h))

    def _spelled(self, letters: torch.Tensor) -> torch.Tensor:
        rows, time, count = letters.shape
        letters = letters.reshape(-1, count)
        real = letters > 0
        x = self.letters(letters) * real[..., None]
        answers = self.filters(x.transpose(1, 2)).masked_fill(~real[:, None], -1e4)
        return torch.tanh(answers.amax(dim=2)).reshape(rows, time, -1)

    def chain(self) -> list[torch.Tensor]:
        """Scores of the first tag, of neighbouring tags, and of the last tag."""
        learned = (self.first, self.between, self.last)
        return [part + scheme for part, scheme in zip(learned, self.scheme, strict=True)]

    @torch.inference_mode()
    def viterbi(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The best path of each row, [rows, time]."""
        emissions, lengths = self(batch), batch["lengths"]
        first, between, last = self.chain()
        best, came = first + emissions[:, 0], []
        stay = torch.arange(best.shape[1])
        for now in range(1, emissions.shape[1]):
            onward, origin = (best[:, :, None] + between).max(dim=1)
            going = (now < lengths)[:, None]
            best = torch.where(going, onward + emissions[:, now], best)
            came.append(torch.where(going, origin, stay))
        path = [(best + last).argmax(dim=1)]
        for origin in reversed(came):
            path.append(origin.gather(1, path[-1][:, None])[:, 0])
        return torch.stack(path[::-1], dim=1)

    def loss(self, batch: dict[str, torch.Tensor], past: None) -> tuple[torch.Tensor, None]:
        """The negative log-likelihood of the gold paths, per word."""
        emissions, lengths, gold = self(batch), batch["lengths"], batch["targets"]
        total = self._log_partition(emissions, lengths) - self._score(emissions, lengths, gold)
        return total.sum() / lengths.sum(), past

    def _log_partition(self, emissions: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        first, between, last = self.chain()
        forward = first + emissions[:, 0]
        for now in range(1, emissions.shape[1]):
            onward = torch.logsumexp(forward[:, :, None] + between, dim=1) + emissions[:, now]
            forward = torch.where((now < lengths)[:, None], onward, forward)
        return torch.logsumexp(forward + last, dim=1)

    def _score(
        self, emissions: torch.Tensor, lengths: torch.Tensor, path: torch.Tensor
    ) -> torch.Tensor:
        first, between, last = self.chain()
        real = torch.arange(path.shape[1]) < lengths[:, None]
        emitted = emissions.gather(2, path[..., None])[..., 0].masked_fill(~real, 0).sum(dim=1)
        moves = between[path[:, :-1], path[:, 1:]].masked_fill(~real[:, 1:], 0).sum(dim=1)
        final = path.gather(1, lengths[:, None] - 1)[:, 0]
        return first[path[:, 0]] + emitted + moves + last[final]
