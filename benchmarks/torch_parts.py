"""What the PyTorch networks share: weights of recurrent cells, and dropout as textrnn has it."""

from collections.abc import Mapping

import numpy as np
import torch

from textrnn.parameters import Params
from textrnn.text import BOS, EOS, PAD, UNK


def tensors(params: Params) -> dict[str, torch.Tensor]:
    """Copies of the arrays of a textrnn model."""
    return {name: torch.from_numpy(np.array(array)) for name, array in params.items()}


def fill_cell(
    module: torch.nn.Module, suffix: str, given: Mapping[str, torch.Tensor], prefix: str
) -> None:
    """Copy an LSTM cell, whose names begin with `prefix`, into the parameters of `module` that end
    with `suffix`. PyTorch orders the gates as textrnn does. Its second bias is not trained."""
    state = {
        f"weight_ih{suffix}": given[f"{prefix}input_kernel"].T,
        f"weight_hh{suffix}": given[f"{prefix}recurrent_kernel"].T,
        f"bias_ih{suffix}": given[f"{prefix}bias"],
        f"bias_hh{suffix}": torch.zeros_like(given[f"{prefix}bias"]),
    }
    module.load_state_dict(state, strict=False)
    module.get_parameter(f"bias_hh{suffix}").requires_grad_(False)


def fill_linear(
    module: torch.nn.Linear, given: Mapping[str, torch.Tensor], prefix: str = "output."
) -> None:
    """Copy a linear layer, whose names begin with `prefix`."""
    module.load_state_dict({"weight": given[f"{prefix}kernel"].T, "bias": given[f"{prefix}bias"]})


def run_lstm(
    lstm: torch.nn.LSTM, x: torch.Tensor, lengths: torch.Tensor, packed: bool = True
) -> torch.Tensor:
    """Outputs for rows of these lengths, [rows, time, features], with zeros after the end of a row.
    If rows are not packed, the reverse direction of a row starts in its padding."""
    if not packed:
        padding = torch.arange(x.shape[1]) >= lengths[:, None]
        return lstm(x)[0].masked_fill(padding[..., None], 0)
    sequence = torch.nn.utils.rnn.pack_padded_sequence(
        x, lengths, batch_first=True, enforce_sorted=False
    )
    return torch.nn.utils.rnn.pad_packed_sequence(
        lstm(sequence)[0], batch_first=True, total_length=x.shape[1]
    )[0]


class RowDropout(torch.nn.Module):
    """Dropout of [rows, time, features] with one mask for all time steps."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.rate == 0 or not self.training:
            return x
        mask = torch.nn.functional.dropout(x.new_ones(len(x), 1, x.shape[2]), self.rate)
        return x * mask


class WordDropout(torch.nn.Module):
    """A share of the token ids replaced by UNK."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        if self.rate == 0 or not self.training:
            return ids
        drop = (torch.rand(ids.shape) < self.rate) & (ids != PAD) & (ids != BOS) & (ids != EOS)
        return ids.masked_fill(drop, UNK)
