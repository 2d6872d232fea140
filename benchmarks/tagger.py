"""The network of the tagger in PyTorch: words, letters, casing, BiLSTM, Viterbi."""

import numpy as np
import torch

from textrnn.predictor import Predictor


class TorchTagger(torch.nn.Module):
    """The network with the weights of a predictor: one BiLSTM layer, convolution over letters."""

    def __init__(self, predictor: Predictor):
        super().__init__()
        given = {n: torch.from_numpy(np.array(a)) for n, a in predictor.params.items()}
        self.words = torch.nn.Embedding.from_pretrained(given["embedding.table"])
        self.letters = torch.nn.Embedding.from_pretrained(given["characters.table"])
        self.casing = torch.nn.Embedding.from_pretrained(given["casing"])
        kernel = given["characters.filters.kernel"]  # [width x size, features]
        size, features = self.letters.embedding_dim, kernel.shape[1]
        width = kernel.shape[0] // size
        self.filters = torch.nn.Conv1d(size, features, width, padding=width // 2)
        self.filters.load_state_dict({
            "weight": kernel.reshape(width, size, features).permute(2, 1, 0),
            "bias": given["characters.filters.bias"],
        })  # fmt: skip
        hidden = given["encoder.layers.0.forward.recurrent_kernel"].shape[0]
        inputs = given["encoder.layers.0.forward.input_kernel"].shape[0]
        self.lstm = torch.nn.LSTM(inputs, hidden, bidirectional=True, batch_first=True)
        for direction, end in (("forward", ""), ("backward", "_reverse")):
            cell = f"encoder.layers.0.{direction}."
            getattr(self.lstm, f"weight_ih_l0{end}").data = given[cell + "input_kernel"].T
            getattr(self.lstm, f"weight_hh_l0{end}").data = given[cell + "recurrent_kernel"].T
            getattr(self.lstm, f"bias_ih_l0{end}").data = given[cell + "bias"]
            getattr(self.lstm, f"bias_hh_l0{end}").data.zero_()
        self.lstm.flatten_parameters()
        self.output = torch.nn.Linear(2 * hidden, given["output.bias"].numel())
        self.output.weight.data = given["output.kernel"].T
        self.output.bias.data = given["output.bias"]
        self.chain = [torch.from_numpy(np.array(part)) for part in predictor.model().chain()]

    @torch.inference_mode()
    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The best path of each row, [rows, time]."""
        letters, lengths = batch["letters"], batch["lengths"]
        rows, time, count = letters.shape
        real = letters.reshape(-1, count) > 0
        x = self.letters(letters.reshape(-1, count)) * real[..., None]
        answers = self.filters(x.transpose(1, 2)).masked_fill(~real[:, None], -1e4)
        spelled = torch.tanh(answers.amax(dim=2)).reshape(rows, time, -1)
        x = torch.cat([self.words(batch["ids"]), spelled, self.casing(batch["casing"])], dim=2)
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        h, _ = torch.nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=time
        )
        return self._viterbi(self.output(h), lengths)

    def _viterbi(self, emissions: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        first, between, last = self.chain
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
