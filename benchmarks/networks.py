"""The network of the classifier in PyTorch: embedding, BiLSTM, max and mean pooling, linear."""

import numpy as np
import torch

from textrnn.predictor import Predictor


class TorchClassifier(torch.nn.Module):
    def __init__(self, vocabulary: int, size: int, hidden: int, labels: int):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, size)
        self.lstm = torch.nn.LSTM(size, hidden, bidirectional=True, batch_first=True)
        self.output = torch.nn.Linear(4 * hidden, labels)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            self.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
        h, _ = torch.nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        valid = (torch.arange(h.shape[1]) < lengths[:, None])[..., None]
        top = h.masked_fill(~valid, -1e9).max(dim=1).values
        mean = h.sum(dim=1) / lengths[:, None]
        return self.output(torch.cat([top, mean], dim=1))


def like(predictor: Predictor) -> TorchClassifier:
    """The network with the weights of a predictor: one BiLSTM layer, max and mean pooling."""
    params = {name: np.asarray(array) for name, array in predictor.params.items()}
    hidden = params["encoder.layers.0.forward.recurrent_kernel"].shape[0]
    table = params["embedding.table"]
    vocabulary, size = table.shape
    network = TorchClassifier(vocabulary, size, hidden, params["output.bias"].size)
    state = {
        "embedding.weight": table,
        "output.weight": params["output.kernel"].T,
        "output.bias": params["output.bias"],
    }
    for direction, suffix in (("forward", ""), ("backward", "_reverse")):
        cell = f"encoder.layers.0.{direction}."
        state[f"lstm.weight_ih_l0{suffix}"] = params[cell + "input_kernel"].T
        state[f"lstm.weight_hh_l0{suffix}"] = params[cell + "recurrent_kernel"].T
        state[f"lstm.bias_ih_l0{suffix}"] = params[cell + "bias"]
        state[f"lstm.bias_hh_l0{suffix}"] = np.zeros_like(params[cell + "bias"])
    network.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in state.items()})
    return network
