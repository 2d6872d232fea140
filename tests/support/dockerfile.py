"""The Dockerfile as its instructions."""

import json
import re
import shlex
from dataclasses import dataclass

from support.paths import ROOT


@dataclass(frozen=True)
class Instruction:
    """`RUN pip install .` has the keyword `RUN` and the argument `pip install .`."""

    keyword: str
    argument: str

    @property
    def words(self) -> list[str]:
        """The argument as a shell splits it."""
        return shlex.split(self.argument)

    @property
    def command(self) -> list[str]:
        """The command of CMD or HEALTHCHECK. Raises ValueError unless it is in exec form.

        In shell form, process 1 would be a shell, which passes no signal on.
        """
        return json.loads(self.argument[self.argument.index("[") :])


def stages() -> list[list[Instruction]]:
    """The instructions of each stage; a stage begins with its FROM."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\n\s*", "", text)
    result: list[list[Instruction]] = []
    for line in filter(str.strip, text.splitlines()):
        instruction = Instruction(*line.split(maxsplit=1))
        if instruction.keyword == "FROM":
            result.append([])
        result[-1].append(instruction)
    return result


def every(stage: list[Instruction], keyword: str) -> list[Instruction]:
    return [instruction for instruction in stage if instruction.keyword == keyword]


def last(stage: list[Instruction], keyword: str) -> Instruction:
    """The last instruction with a keyword, which is the effective one. Fails if there is none."""
    assert every(stage, keyword), f"the Dockerfile has no {keyword}"
    return every(stage, keyword)[-1]


def variables(stage: list[Instruction]) -> dict[str, str]:
    """The environment of the image without PATH, which a test sets itself."""
    pairs = [pair.split("=", 1) for env in every(stage, "ENV") for pair in env.words]
    return {name: value for name, value in pairs if name != "PATH"}


def user_id(stage: list[Instruction]) -> int:
    """The numeric id of the user that USER names, from the useradd that makes it."""
    name = last(stage, "USER").argument
    (made,) = (run.words for run in every(stage, "RUN") if "useradd" in run.words)
    assert made[-1] == name, f"useradd makes {made[-1]}, and USER is {name}"
    return int(made[made.index("--uid") + 1])
