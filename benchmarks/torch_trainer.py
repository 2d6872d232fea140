"""A training step in PyTorch that does what training/step.py does."""

from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.recipe import TrainConfig


class TorchTrainer:
    """Weight drop, gradient, clipping, AdamW and a moving average of the weights.

    `network.loss(batch, past)` returns the mean loss and the past for the next batch. The learning
    rate is constant, and `scales` of the optimizer name parameters of the network. With `autocast`,
    PyTorch multiplies in bfloat16 where it considers it safe.
    """

    def __init__(self, network: torch.nn.Module, config: TrainConfig, autocast: bool = False):
        self._autocast = autocast
        self._loss = _Loss(network)
        self._past: Any = None
        self._weight_drop, self._clip = config.weight_drop, config.optimizer.clip
        self._params = dict(self._loss.named_parameters())
        self._trained = [p for p in self._params.values() if p.requires_grad]
        self._recurrent = [name for name in self._params if "weight_hh" in name]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [p], "lr": _rate(name, config), "weight_decay": _decay(p, config)}
                for name, p in network.named_parameters()
                if p.requires_grad
            ],
            betas=config.optimizer.betas,
            fused=True,
        )
        average = get_ema_multi_avg_fn(config.ema)
        self._average = AveragedModel(network, multi_avg_fn=average) if config.ema else None

    def step(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Update the weights, and return the mean loss before."""
        self._optimizer.zero_grad()
        dropped = {}
        if self._weight_drop:
            dropped = {
                name: torch.nn.functional.dropout(self._params[name], self._weight_drop)
                for name in self._recurrent
            }
        with torch.autocast("cpu", torch.bfloat16, enabled=self._autocast):
            loss, self._past = torch.func.functional_call(self._loss, dropped, (batch, self._past))
        loss.backward()
        if self._clip:
            torch.nn.utils.clip_grad_norm_(self._trained, self._clip)
        self._optimizer.step()
        if self._average is not None:
            self._average.update_parameters(self._loss.network)
        return loss.detach()


class _Loss(torch.nn.Module):
    """The loss as a module, since `functional_call` replaces the parameters of one."""

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def forward(self, batch: dict[str, torch.Tensor], past: Any) -> tuple[torch.Tensor, Any]:
        return self.network.loss(batch, past)


def _rate(name: str, config: TrainConfig) -> float:
    scales = config.optimizer.scales
    return config.optimizer.rate * next((s for p, s in scales.items() if name.startswith(p)), 1.0)


def _decay(parameter: torch.nn.Parameter, config: TrainConfig) -> float:
    return config.optimizer.weight_decay if parameter.ndim > 1 else 0.0
