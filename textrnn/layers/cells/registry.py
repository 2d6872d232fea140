"""All cells by name."""

from textrnn.layers.cells.cell import Cell
from textrnn.layers.cells.compressor import HistoryCompressor
from textrnn.layers.cells.computer import Computer
from textrnn.layers.cells.continuous_time import Clockwork, ContinuousTime, MultipleTimescale
from textrnn.layers.cells.gru import GRU
from textrnn.layers.cells.hierarchical import HierarchicalMultiscale
from textrnn.layers.cells.lstm import LSTM, Mogrifier, ProjectedLSTM
from textrnn.layers.cells.minimal import MinGRU, MinLSTM
from textrnn.layers.cells.reservoir import EchoState
from textrnn.layers.cells.simple import (
    Elman,
    FullyRecurrent,
    IndRNN,
    Jordan,
    RecurrentPerceptron,
    SecondOrder,
)
from textrnn.layers.cells.stack import Stack
from textrnn.layers.cells.turing import TuringMachine

CELLS: dict[str, type[Cell]] = {
    "elman": Elman,
    "jordan": Jordan,
    "fully_recurrent": FullyRecurrent,
    "rmlp": RecurrentPerceptron,
    "second_order": SecondOrder,
    "indrnn": IndRNN,
    "lstm": LSTM,
    "gru": GRU,
    "mogrifier": Mogrifier,
    "projected_lstm": ProjectedLSTM,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "ctrnn": ContinuousTime,
    "mtrnn": MultipleTimescale,
    "clockwork": Clockwork,
    "hmlstm": HierarchicalMultiscale,
    "compressor": HistoryCompressor,
    "echo_state": EchoState,
    "stack": Stack,
    "ntm": TuringMachine,
    "dnc": Computer,
}
