"""The network of the translator in PyTorch, with the same beam search."""

import torch

from benchmarks.torch_parts import fill_cell, run_lstm, tensors
from textrnn.predictor import Predictor
from textrnn.text import BOS, EOS, PAD, UNK

NEVER = -1e9


class TorchTranslator(torch.nn.Module):
    """The network with the weights of a predictor: BiLSTM, LSTM, multiplicative attention."""

    def __init__(self, predictor: Predictor):
        super().__init__()
        given = tensors(predictor.params)
        self.table, self.bias = given["embedding.table"], given["bias"]
        size = self.table.shape[1]
        hidden = given["encoder.layers.0.forward.recurrent_kernel"].shape[0]
        self.encoder = torch.nn.LSTM(size, hidden, bidirectional=True, batch_first=True)
        for direction, end in (("forward", ""), ("backward", "_reverse")):
            fill_cell(self.encoder, f"_l0{end}", given, f"encoder.layers.0.{direction}.")
        inputs, width = given["decoder.cells.0.input_kernel"].shape
        self.cell = torch.nn.LSTMCell(inputs, width // 4)
        fill_cell(self.cell, "", given, "decoder.cells.0.")
        self.keys = given["decoder.attention.key_kernel"]
        self.bridge = (given["decoder.bridge.kernel"], given["decoder.bridge.bias"])
        self.combine = (given["decoder.combine.kernel"], given["decoder.combine.bias"])

    @torch.inference_mode()
    def forward(
        self, ids: torch.Tensor, lengths: torch.Tensor, width: int, most: list[int]
    ) -> list[tuple[list[int], float]]:
        """The best hypothesis of each row and its log-probability; at most `most` tokens."""
        rows, last = torch.arange(len(ids))[:, None], torch.tensor(most)
        memory, (c, h) = self._encode(ids, lengths, width)
        keys = memory @ self.keys
        padding = torch.arange(ids.shape[1]) >= lengths[:, None]
        fed = torch.zeros(len(ids) * width, self.table.shape[1])
        never = torch.zeros(len(ids), 1, len(self.table))
        never[:, :, [PAD, BOS]] = NEVER
        never[~(ids == UNK).any(dim=1), :, UNK] = NEVER
        tokens = torch.full((len(ids), width, 0), PAD)
        score = torch.full((len(ids), width), NEVER)
        score[:, 0] = 0
        ended: list[list[tuple[float, float, list[int]]]] = [[] for _ in range(len(ids))]
        token = torch.full((len(ids) * width,), BOS)
        for t in range(max(most) + 1):
            h, c = self.cell(torch.cat([self.table[token], fed], dim=1), (h, c))
            query = h.reshape(len(ids), width, -1)
            fits = (query @ keys.transpose(1, 2)).masked_fill(padding[:, None], NEVER)
            context = fits.softmax(dim=-1) @ memory
            both = torch.cat([query, context], dim=-1)
            output = torch.tanh(both @ self.combine[0] + self.combine[1])
            logits = output @ self.table.T + self.bias + never
            likely = torch.log_softmax(logits, dim=-1)
            late = t >= last
            ends = likely[late, :, EOS].clone()
            likely[late] = NEVER
            likely[late, :, EOS] = ends
            scores, best = (score[:, :, None] + likely).flatten(1).topk(2 * width)
            parent, token = best // len(self.table), best % len(self.table)
            first = torch.arange(2 * width) < width
            for row, place in ((token == EOS) & first & (scores > NEVER / 2)).nonzero().tolist():
                if len(ended[row]) < width:
                    total = float(scores[row, place])
                    path = tokens[row, parent[row, place]].tolist()
                    ended[row].append((total, total / (t + 1), path))
            if all(len(e) >= width for e in ended):
                break
            score, chosen = scores.masked_fill(token == EOS, NEVER).topk(width)
            parent, token = parent[rows, chosen], token[rows, chosen]
            tokens = torch.cat([tokens[rows, parent], token[:, :, None]], dim=2)
            place = (rows * width + parent).flatten()
            token = token.flatten()
            h, c, fed = h[place], c[place], output.flatten(0, 1)[place]
        best_of = (max(e, key=lambda hypothesis: hypothesis[1]) for e in ended)
        return [(path, total) for total, _, path in best_of]

    def _encode(self, ids: torch.Tensor, lengths: torch.Tensor, width: int):
        memory = run_lstm(self.encoder, self.table[ids], lengths)
        mean = memory.sum(dim=1) / lengths[:, None]
        first = torch.tanh(mean @ self.bridge[0] + self.bridge[1]).repeat_interleave(width, dim=0)
        return memory, first.chunk(2, dim=1)
