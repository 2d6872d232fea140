"""Run a model: rows -> examples -> planned batches -> compiled program -> answers."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import jax
import numpy as np

from textrnn.batching import Group, Shape, plan
from textrnn.parameters import Params, merge_model
from textrnn.tasks import Answer, Batch, Example, Row, Task


class Predictor:
    """A task with its weights, and the programs compiled for it so far, one for each shape.

    Safe to use from several threads. `compilations` counts the programs that were compiled.
    """

    def __init__(self, task: Task, params: Params):
        self.task = task
        self.params = params
        self._graph, _ = task.structure()
        self.compilations = 0
        self._programs: dict[Shape, Any] = {}
        self._compiling = threading.Lock()

    def predict(self, texts: str | Iterable[str], **options: Any) -> list[Answer]:
        """The answers to texts, in their order. Options are the task's; see `options_type`.

        Raises InvalidText for the first text that cannot be taken.

        >>> load("sentiment-en").predict(["a fine film"])[0]["label"]
        'positive'
        """
        texts = [texts] if isinstance(texts, str) else texts
        return self.predict_rows(({self.task.input: text} for text in texts), **options)

    def predict_rows(self, rows: Iterable[Row], **options: Any) -> list[Answer]:
        """The same for rows, whatever fields the task reads."""
        asked = self.task.options_type.parse(options, source="options")
        return self.answer([self.task.read(row, asked) for row in rows])

    def stream(self, text: str, **options: Any) -> Iterator[str]:
        """What a generator writes to go on with a text, piece by piece as it is written."""
        asked = self.task.options_type.parse(options, source="options")
        example = self.task.read({self.task.input: text}, asked)
        told = 0
        while example is not None:
            (outputs,) = self.run([example])
            following = self.task.following(example, outputs)
            if following is None:
                yield self.task.answer(outputs, example)["text"][told:]
            else:
                yield following.written[told:]
                told = len(following.written)
            example = following

    def plan(self, examples: Sequence[Example], compiled_only: bool = False) -> list[Group]:
        """Which of the examples' windows run together, in which shapes; `compiled_only` leaves out
        shapes that would have to be compiled first."""
        shapes = self.compiled if compiled_only else self.task.shapes()
        windows = _windows(examples)
        lengths, widths = [len(w) for w in windows], [w.width for w in windows]
        return plan(lengths, shapes, widths)

    def compiled_for(self, examples: Sequence[Example]) -> bool:
        """Whether a plan of compiled shapes takes all these examples."""
        shapes = self.compiled
        return all(
            any(shape.length >= len(window) and shape.width >= window.width for shape in shapes)
            for window in _windows(examples)
        )

    def run(
        self, examples: Sequence[Example], groups: Sequence[Group] | None = None
    ) -> list[list[Any]]:
        """What the model returns for each window of each example, in order, by the plan or by one
        made here. It runs once: what follows an example is not run."""
        groups = self.plan(examples) if groups is None else groups
        windows = _windows(examples)
        outputs = []
        for group in groups:  # all are under way before the first is waited for
            batch = self.task.collate([windows[i] for i in group.indices], group.shape)
            outputs.append(self._program(group.shape)(self.params, batch))
        results: list[Any] = [None] * len(windows)
        for group, output in zip(groups, outputs, strict=True):
            arrays = jax.tree.map(np.asarray, output)
            for row, index in enumerate(group.indices):
                results[index] = jax.tree.map(lambda a, row=row: a[row], arrays)
        in_order = iter(results)
        return [list(islice(in_order, len(example.windows))) for example in examples]

    def answer(self, examples: Sequence[Example], compiled_only: bool = False) -> list[Answer]:
        last = self.finish(examples, compiled_only)
        return [self.task.answer(outputs, example) for example, outputs in last]

    def finish(
        self, examples: Sequence[Example], compiled_only: bool = False
    ) -> list[tuple[Example, list[Any]]]:
        """Run examples and what follows them: the last of each, with what the model returned for
        its windows."""
        last: list[Any] = [None] * len(examples)
        waiting = list(enumerate(examples))
        while waiting:
            now = [example for _, example in waiting]
            outputs = self.run(now, self.plan(now, compiled_only))
            for (index, example), output in zip(waiting, outputs, strict=True):
                last[index] = example, output
            following = [(index, self.task.following(*last[index])) for index, _ in waiting]
            waiting = [(index, example) for index, example in following if example is not None]
        return last

    def model(self) -> Any:
        """The network with its weights."""
        return merge_model(self._graph, self.params)

    def warm(self, shape: Shape) -> None:
        """Compile the program of a shape, if it is not there."""
        self._program(shape)

    @property
    def compiled(self) -> frozenset[Shape]:
        return frozenset(self._programs)

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

        self.compilations += 1
        return jax.jit(run).lower(self.params, self.task.collate([], shape)).compile()


def _windows(examples: Sequence[Example]) -> list[Any]:
    return [window for example in examples for window in example.windows]
