"""The network of the generator in PyTorch, with a loop that decodes step by step."""

import numpy as np
import torch

from textrnn.parameters import Params
from textrnn.text import BOS, EOS, UNK


class TorchGenerator(torch.nn.Module):
    """LSTM layers with an untied output, optionally with the weights of a textrnn model."""

    def __init__(self, vocabulary: int, size: int, hidden: int, layers: int, dropout: float = 0.0):
        super().__init__()
        self.table = torch.nn.Embedding(vocabulary, size)
        self.lstm = torch.nn.LSTM(size, hidden, layers, batch_first=True, dropout=dropout)
        self.output = torch.nn.Linear(hidden, vocabulary)

    def fill(self, params: Params) -> "TorchGenerator":
        """PyTorch orders the gates as textrnn does, and has a second bias."""
        given = {name: torch.from_numpy(np.array(array)) for name, array in params.items()}
        state = {
            "table.weight": given["embedding.table"],
            "output.weight": given["output.kernel"].T,
            "output.bias": given["output.bias"],
        }
        for layer in range(self.lstm.num_layers):
            ours = f"encoder.layers.{layer}.forward."
            state[f"lstm.weight_ih_l{layer}"] = given[f"{ours}input_kernel"].T
            state[f"lstm.weight_hh_l{layer}"] = given[f"{ours}recurrent_kernel"].T
            state[f"lstm.bias_ih_l{layer}"] = given[f"{ours}bias"]
            state[f"lstm.bias_hh_l{layer}"] = torch.zeros_like(given[f"{ours}bias"])
        self.load_state_dict(state)
        return self

    def forward(self, ids: torch.Tensor, past=None):
        states, past = self.lstm(self.table(ids), past)
        return self.output(states), past

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
