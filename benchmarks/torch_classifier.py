"""The network of the classifier in PyTorch: embedding, BiLSTM, max and mean pooling, linear."""

import torch

from benchmarks.torch_parts import (
    RowDropout,
    WordDropout,
    fill_cell,
    fill_linear,
    run_lstm,
    tensors,
)
from textrnn.parameters import Params
from textrnn.tasks.classify.network import ClassifierConfig


class TorchClassifier(torch.nn.Module):
    """The network with the weights of a model that has one BiLSTM layer, max and mean pooling."""

    def __init__(self, config: ClassifierConfig, params: Params, packed: bool = True):
        super().__init__()
        given = tensors(params)
        self.packed = packed
        self.word_dropout = WordDropout(config.embedding.word_dropout)
        self.embedding = torch.nn.Embedding.from_pretrained(given["embedding.table"], freeze=False)
        self.embedding_dropout = RowDropout(config.embedding.dropout)
        self.encoder_dropout = RowDropout(config.encoder.dropout)
        size, hidden = config.embedding.size, config.encoder.hidden
        self.lstm = torch.nn.LSTM(size, hidden, bidirectional=True, batch_first=True)
        fill_cell(self.lstm, "_l0", given, "encoder.layers.0.forward.")
        fill_cell(self.lstm, "_l0_reverse", given, "encoder.layers.0.backward.")
        self.dropout = torch.nn.Dropout(config.dropout)
        self.output = torch.nn.Linear(4 * hidden, given["output.bias"].numel())
        fill_linear(self.output, given)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits, [rows, labels]."""
        x = self.embedding_dropout(self.embedding(self.word_dropout(ids)))
        h = run_lstm(self.lstm, self.encoder_dropout(x), lengths, self.packed)
        h = self.encoder_dropout(h)
        padding = (torch.arange(h.shape[1]) >= lengths[:, None])[..., None]
        largest = h.masked_fill(padding, -1e9).amax(dim=1)
        mean = h.sum(dim=1) / lengths[:, None]
        return self.output(self.dropout(torch.cat([largest, mean], dim=1)))

    def loss(self, batch: dict[str, torch.Tensor], past: None) -> tuple[torch.Tensor, None]:
        logits = self(batch["ids"], batch["lengths"])
        return torch.nn.functional.cross_entropy(logits, batch["targets"]), past
