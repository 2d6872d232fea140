"""Run a model: rows -> examples -> planned batches -> compiled program -> answers."""

import copy
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Self

import jax
import numpy as np

from textrnn.batching import Group, Shape, plan
from textrnn.errors import UserError
from textrnn.parameters import Params, merge_model, model_structure
from textrnn.tasks import Answer, Batch, Example, Row, StreamTask, Task, Window


class Predictor:
    """A task with its weights, and the programs compiled for it so far, one for each shape.

    Safe to use from several threads.
    """

    def __init__(self, task: Task, params: Params):
        self.task = task
        self.params = params
        self._graph, _ = model_structure(task.build)
        self._programs: dict[Shape, Any] = {}
        self._compiling = threading.Lock()

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

    def plan(self, examples: Sequence[Example], compiled_only: bool = False) -> list[Group]:
        """The batches that the windows of examples run in. With `compiled_only`, only shapes that
        are compiled already."""
        shapes = self.compiled if compiled_only else self.task.shapes()
        windows = _windows(examples)
        lengths, widths = [len(w) for w in windows], [w.width for w in windows]
        return plan(lengths, shapes, widths)

    def compiled_for(self, examples: Sequence[Example]) -> bool:
        """Whether compiled shapes exist for all windows of these examples."""
        shapes = self.compiled
        for window in _windows(examples):
            length, width = len(window), window.width
            if not any(shape.length >= length and shape.width >= width for shape in shapes):
                return False
        return True

    def run(
        self, examples: Sequence[Example], groups: Sequence[Group] | None = None
    ) -> list[list[Any]]:
        """The outputs of the model for each window of each example, in order. `groups` is the plan,
        made here by default."""
        groups = self.plan(examples) if groups is None else groups
        windows = _windows(examples)
        outputs = []
        for group in groups:  # dispatches all batches before it waits for the first
            batch = self.task.collate([windows[i] for i in group.indices], group.shape)
            outputs.append(self._program(group.shape)(self.params, batch))
        results: list[Any] = [None] * len(windows)
        for group, output in zip(groups, outputs, strict=True):
            arrays = jax.tree.map(np.asarray, output)
            for row, index in enumerate(group.indices):
                results[index] = jax.tree.map(lambda a, row=row: a[row], arrays)
        in_order = iter(results)
        return [list(islice(in_order, len(example.windows))) for example in examples]

    def step(
        self, examples: Sequence[Example], groups: Sequence[Group] | None = None
    ) -> list[Answer | Example]:
        """Run the windows of examples: the answer to each, or the example with its next windows if
        it is not finished."""
        return [
            _outcome(self.task, example, outputs)
            for example, outputs in zip(examples, self.run(examples, groups), strict=True)
        ]

    def answer(self, examples: Sequence[Example], compiled_only: bool = False) -> list[Answer]:
        """The answers to examples, whose windows run until all are finished."""
        answers: list[Answer] = [{}] * len(examples)
        unfinished = dict(enumerate(examples))
        while unfinished:
            now = list(unfinished.values())
            outcomes = self.step(now, self.plan(now, compiled_only))
            for index, outcome in zip(list(unfinished), outcomes, strict=True):
                if isinstance(outcome, Example):
                    unfinished[index] = outcome
                else:
                    answers[index] = outcome
                    del unfinished[index]
        return answers

    def model(self) -> Any:
        """The network with its weights."""
        return merge_model(self._graph, self.params)

    def warm(self, shape: Shape) -> None:
        """Compile the program of a shape, unless it is compiled already."""
        self._program(shape)

    @property
    def compiled(self) -> frozenset[Shape]:
        return frozenset(self._programs)

    @property
    def compilations(self) -> int:
        """The number of programs compiled so far."""
        return len(self._programs)

    def _program(self, shape: Shape) -> Any:
        program = self._programs.get(shape)
        if program is None:
            with self._compiling:
                program = self._programs.get(shape) or self._compile(shape)
                self._programs[shape] = program
        return program

    def _compile(self, shape: Shape) -> Any:
        def run(params: Params, batch: Batch) -> Any:
            return self.task.predict(merge_model(self._graph, params), batch)

        return jax.jit(run).lower(self.params, self.task.collate([], shape)).compile()


def _outcome(task: Task, example: Example, outputs: Sequence[Any]) -> Answer | Example:
    if isinstance(task, StreamTask):
        example, outputs = task.advance(example, outputs), ()
        if example.windows:
            return example
    return task.answer(outputs, example)


def _windows(examples: Sequence[Example]) -> list[Window]:
    return [window for example in examples for window in example.windows]
