"""All cells by name."""

from textrnn.layers.cells.cell import Cell
from textrnn.layers.cells.compressor import HistoryCompressor
from textrnn.layers.cells.computer import DNC
from textrnn.layers.cells.continuous_time import CTRNN, MTRNN, ClockworkRNN
from textrnn.layers.cells.gru import GRU
from textrnn.layers.cells.hierarchical import HMLSTM
from textrnn.layers.cells.lstm import LSTM, Mogrifier, ProjectedLSTM
from textrnn.layers.cells.minimal import MinGRU, MinLSTM
from textrnn.layers.cells.reservoir import EchoState
from textrnn.layers.cells.simple import (
    RMLP,
    Elman,
    FullyRecurrent,
    IndRNN,
    Jordan,
    SecondOrder,
)
from textrnn.layers.cells.stack import StackRNN
from textrnn.layers.cells.turing import NTM

CELLS: dict[str, type[Cell]] = {
    "elman": Elman,
    "jordan": Jordan,
    "fully_recurrent": FullyRecurrent,
    "rmlp": RMLP,
    "second_order": SecondOrder,
    "indrnn": IndRNN,
    "lstm": LSTM,
    "gru": GRU,
    "mogrifier": Mogrifier,
    "projected_lstm": ProjectedLSTM,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "ctrnn": CTRNN,
    "mtrnn": MTRNN,
    "clockwork": ClockworkRNN,
    "hmlstm": HMLSTM,
    "compressor": HistoryCompressor,
    "echo_state": EchoState,
    "stack": StackRNN,
    "ntm": NTM,
    "dnc": DNC,
}
