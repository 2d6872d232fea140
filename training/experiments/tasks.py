"""All tasks by name."""

from training.experiments.context_free import CONTEXT_FREE
from training.experiments.context_sensitive import CONTEXT_SENSITIVE
from training.experiments.memory import MEMORY
from training.experiments.numbers import NUMBERS
from training.experiments.regular import REGULAR
from training.experiments.sequences import SequenceTask

SEQUENCE_TASKS: dict[str, SequenceTask] = (
    NUMBERS | MEMORY | REGULAR | CONTEXT_FREE | CONTEXT_SENSITIVE
)
