"""The network of the generator in PyTorch, with a loop that decodes step by step."""

import torch

from benchmarks.torch_parts import RowDropout, WordDropout, fill_cell, fill_linear, tensors
from textrnn.parameters import Params
from textrnn.tasks.generate.task import GenerateConfig
from textrnn.text import BOS, EOS, UNK

Past = list[tuple[torch.Tensor, torch.Tensor]]
"""The states (h, c) of each module of LSTM layers."""


class TorchGenerator(torch.nn.Module):
    """LSTM layers with an untied output, and the weights of a model."""

    def __init__(self, config: GenerateConfig, params: Params):
        super().__init__()
        given = tensors(params)
        size, hidden, layers = config.embedding.size, config.encoder.hidden, config.encoder.layers
        self.forgetting = config.forgetting
        self.word_dropout = WordDropout(config.embedding.word_dropout)
        self.table = torch.nn.Embedding.from_pretrained(given["embedding.table"], freeze=False)
        self.embedding_dropout = RowDropout(config.embedding.dropout)
        self.encoder_dropout = RowDropout(config.encoder.dropout)
        # All layers in one module are faster, but have no dropout with one mask per row.
        splits = [1] * layers if config.encoder.dropout else [layers]
        self.lstms = torch.nn.ModuleList()
        done = 0
        for count in splits:
            lstm = torch.nn.LSTM(hidden if done else size, hidden, count, batch_first=True)
            for layer in range(count):
                fill_cell(lstm, f"_l{layer}", given, f"encoder.layers.{done + layer}.forward.")
            self.lstms.append(lstm)
            done += count
        self.output = torch.nn.Linear(hidden, len(given["embedding.table"]))
        fill_linear(self.output, given)

    def forward(self, ids: torch.Tensor, past: Past | None = None) -> tuple[torch.Tensor, Past]:
        """Logits of the token after each token, and the states after the last one."""
        x = self.embedding_dropout(self.table(self.word_dropout(ids)))
        states = []
        for index, lstm in enumerate(self.lstms):
            x, state = lstm(self.encoder_dropout(x), None if past is None else past[index])
            states.append(state)
        return self.output(self.encoder_dropout(x)), states

    def loss(self, batch: dict[str, torch.Tensor], past: Past | None) -> tuple[torch.Tensor, Past]:
        """The cross-entropy of the tokens of a chunk after the first, and the states for the next
        chunk. In training, some rows forget what came before; half of them begin with BOS."""
        before, targets = batch["ids"][:, :-1], batch["ids"][:, 1:]
        if self.training and past is not None:
            forgets = torch.rand(len(before)) < self.forgetting
            mask = forgets[None, :, None]
            past = [(h.masked_fill(mask, 0), c.masked_fill(mask, 0)) for h, c in past]
            begins = forgets & (torch.rand(len(before)) < 0.5)
            before = torch.cat([before[:, :1].masked_fill(begins[:, None], BOS), before[:, 1:]], 1)
        logits, states = self(before, past)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return loss, [(h.detach(), c.detach()) for h, c in states]

    @torch.inference_mode()
    def write(self, prompts: torch.Tensor, count: int, temperature: float) -> torch.Tensor:
        """`count` tokens after prompts of equal length, [rows, count]; greedy at temperature 0."""
        begins = torch.full((len(prompts), 1), BOS)
        logits, past = self(torch.cat([begins, prompts], dim=1))
        tokens = []
        for _ in range(count):
            last = logits[:, -1]
            last[:, : UNK + 2] = -1e9  # PAD, UNK, BOS
            last[:, EOS] = -1e9
            if temperature:
                chances = torch.softmax(last / temperature, dim=-1)
                token = torch.multinomial(chances, 1)
            else:
                token = last.argmax(dim=-1, keepdim=True)
            tokens.append(token)
            logits, past = self(token, past)
        return torch.cat(tokens, dim=1)
