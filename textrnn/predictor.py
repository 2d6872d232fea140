"""Run a model: rows -> examples -> planned batches -> compiled program -> answers."""

import copy
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, Protocol, Self

import jax
import numpy as np

from textrnn.batching import Group, Shape, plan
from textrnn.errors import UserError
from textrnn.layers.packing import pack_layers
from textrnn.parameters import Params, merge_model, split_model
from textrnn.platform import uses_native
from textrnn.program_cache import ProgramCache
from textrnn.tasks import Answer, Batch, Example, Outputs, Row, StreamTask, Task, Window

QUICKLY: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    # Each part costs some milliseconds, and programs are compiled in parallel anyway.
    "xla_cpu_parallel_codegen_split_count": 1,
}
"""Compiler options for programs that spend most of their time in native kernels."""
if jax.__version_info__ < (0, 11):  # later versions of XLA have no such option
    QUICKLY["xla_cpu_use_fusion_emitters"] = False


class HasWindows(Protocol):
    """An example, or some windows of one."""

    @property
    def windows(self) -> Sequence[Window]: ...


class Predictor:
    """A task with its weights, and the programs compiled for it so far, one for each shape.

    Safe to use from several threads.
    """

    def __init__(self, task: Task, params: Params):
        self.task = task
        self._structure, _ = task.structure
        self._packed: Any = None
        self.params = params
        self._compiling = {shape: threading.Lock() for shape in task.shapes()}

    @property
    def params(self) -> Params:
        """The weights. They may be replaced by others of the same shapes."""
        return self._params

    @params.setter
    def params(self, params: Params) -> None:
        self._params = params
        graph, packed = self._structure, params
        if uses_native():
            model = self.model()
            pack_layers(model)
            graph, packed = split_model(model)
        # Weights that fit into bytes are packed otherwise, and need programs of their own.
        if jax.tree.structure(packed) != jax.tree.structure(self._packed):
            self._programs: dict[Shape, Any] = {}
        self._graph, self._packed = graph, packed

    def recalibrated(self, task: Task) -> Self:
        """A predictor with the same weights for a recalibrated task, which differs in values that
        batches carry. Both share their compiled programs."""
        other = copy.copy(self)
        other.task = task
        return other

    def predict(self, texts: str | Iterable[str], **options: Any) -> list[Answer]:
        """The answers to texts, in their order. Options are those of the task's `options_type`.

        Raises InvalidText for the first text that the model cannot take, and UserError for
        impossible options.

        >>> load("sentiment-en").predict(["a fine film"])[0]["label"]
        'positive'
        """
        texts = [texts] if isinstance(texts, str) else texts
        return self.predict_rows(({self.task.input: text} for text in texts), **options)

    def predict_rows(self, rows: Iterable[Row], **options: Any) -> list[Answer]:
        """The answers to rows, which may have any field that the task reads."""
        parsed = self.task.options_type.parse(options, source="options")
        return self.answer([self.task.read(row, parsed) for row in rows])

    def stream(self, text: str, **options: Any) -> Iterator[str]:
        """The generated continuation of a text, in parts as they are generated.

        Raises InvalidText, and UserError if the task does not generate text.
        """
        if not isinstance(self.task, StreamTask):
            raise UserError(f"a model for {self.task.name} does not generate text to stream")
        parsed = self.task.options_type.parse(options, source="options")
        example = self.task.read({self.task.input: text}, parsed)
        sent = 0
        while example.windows:
            (outputs,) = self.run([example])
            example = self.task.advance(example, outputs)
            stable = example.stable_text
            yield stable[sent:]
            sent = len(stable)

    def plan(self, examples: Sequence[HasWindows]) -> list[Group]:
        """The batches that the windows of examples run in."""
        windows = _windows(examples)
        lengths, widths = [len(w) for w in windows], [w.width for w in windows]
        return plan(lengths, self.task.shapes(), widths)

    def run(
        self, examples: Sequence[HasWindows], groups: Sequence[Group] | None = None
    ) -> list[list[Outputs]]:
        """The outputs of the model for each window of each example, or of each part of one, in
        order. `groups` is the plan, made here by default."""
        groups = self.plan(examples) if groups is None else groups
        windows = _windows(examples)
        batches = []
        for group in groups:  # dispatches all batches before it waits for the first
            batch = self.task.collate([windows[i] for i in group.indices], group.shape)
            batches.append((batch["lengths"], self._program(group.shape)(self._packed, batch)))
        results: list[Any] = [None] * len(windows)
        for group, (lengths, outputs) in zip(groups, batches, strict=True):
            for index, part in zip(group.indices, _parts(outputs, lengths), strict=False):
                results[index] = part
        in_order = iter(results)
        return [list(islice(in_order, len(example.windows))) for example in examples]

    def step(self, examples: Sequence[Example]) -> list[Answer | Example]:
        """Run the windows of examples: the outcome of each."""
        return [
            self.outcome(example, outputs)
            for example, outputs in zip(examples, self.run(examples), strict=True)
        ]

    def outcome(self, example: Example, outputs: Sequence[Outputs]) -> Answer | Example:
        """The answer to an example, given the outputs of its windows, or the example with its next
        windows if it is not finished."""
        if isinstance(self.task, StreamTask):
            example, outputs = self.task.advance(example, outputs), ()
            if example.windows:
                return example
        return self.task.answer(outputs, example)

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        """The answers to examples, whose windows run until all are finished."""
        answers: list[Answer] = [{}] * len(examples)
        unfinished = dict(enumerate(examples))
        while unfinished:
            now = list(unfinished.values())
            outcomes = self.step(now)
            for index, outcome in zip(list(unfinished), outcomes, strict=True):
                if isinstance(outcome, Example):
                    unfinished[index] = outcome
                else:
                    answers[index] = outcome
                    del unfinished[index]
        return answers

    def model(self) -> Any:
        """The network with its weights."""
        return merge_model(self._structure, self.params)

    def compile(self, cache: ProgramCache | None = None) -> None:
        """Compile the programs of all shapes, in parallel, or take them from a cache. Without this,
        each is compiled when it first runs."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda shape: self._program(shape, cache), self.task.shapes()))

    def _program(self, shape: Shape, cache: ProgramCache | None = None) -> Any:
        program = self._programs.get(shape)
        if program is None:
            with self._compiling[shape]:
                program = self._programs.get(shape)
                if program is None:
                    compile_it = partial(self._compile, shape)
                    program = cache.get(self._key(shape), compile_it) if cache else compile_it()
                    self._programs[shape] = program
        return program

    def _key(self, shape: Shape) -> str:
        """What distinguishes a program from those of other models."""
        leaves, structure = jax.tree.flatten(self._packed)
        types = [f"{leaf.dtype}{leaf.shape}" for leaf in leaves]
        return f"{self.task.program_key}\n{shape}\n{structure}\n{types}"

    def _compile(self, shape: Shape) -> Any:
        def run(params: Params, batch: Batch) -> Any:
            return self.task.predict(merge_model(self._graph, params), batch)

        lowered = jax.jit(run).lower(self._packed, self.task.collate([], shape))
        return lowered.compile(QUICKLY if uses_native() else None)


def _parts(outputs: Outputs, lengths: np.ndarray) -> Iterator[Outputs]:
    """The part of each row of a batch. Parts are copies: a view would keep the whole batch, padding
    included, for as long as other parts of its text wait in a queue."""
    outputs = jax.tree.map(np.asarray, outputs)
    (rows, row_tree), (tokens, token_tree) = map(jax.tree.flatten, outputs)
    ends = np.cumsum(lengths)
    for row, (start, end) in enumerate(zip(ends - lengths, ends, strict=True)):
        yield Outputs(
            row_tree.unflatten([array[row].copy() for array in rows]),
            token_tree.unflatten([array[start:end].copy() for array in tokens]),
        )


def _windows(examples: Sequence[HasWindows]) -> list[Window]:
    return [window for example in examples for window in example.windows]
