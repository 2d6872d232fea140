"""A recipe: everything that makes a model, in one typed TOML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from textrnn.batching import Buckets
from textrnn.bundle.weights import Storage
from textrnn.config import Config, override, read_toml
from textrnn.errors import UserError
from textrnn.io.formats import FORMATS
from textrnn.tasks import TASKS
from textrnn.tasks.tag.schemes import Scheme
from textrnn.text import TOKENIZERS, TokenizerConfig
from training.optimizer import OptimizerConfig

RECIPES = Path(__file__).parent / "recipes"

Share = Field(default=0.0, ge=0, lt=1)


class Holdout(Config):
    """One side of a split of a file by the hash of each row's group (its text, without groups)."""

    fraction: float = Field(gt=0, lt=1)
    """The share of the groups that development gets."""
    side: Literal["train", "dev"]


class Source(Config):
    """A file, or a data set of the Hugging Face hub, and how its columns become rows."""

    path: Path | None = None
    """Below the data root, which is the environment's TEXTRNN_DATA or else ./data. For generation
    it may be a folder: each of its text files is a row."""
    dataset: str | None = None
    """A name that `datasets.load_dataset` knows, or a folder of data files."""
    parallel: Path | None = None
    """A file whose lines are the targets of the lines of `path`."""
    subset: str | None = None
    split: str = "train"
    format: str | None = None
    """By the file's ending, if not given. `trees` are sentiment trees in brackets."""
    columns: tuple[str, ...] = ()
    """The names of the columns of a CSV or TSV file without a header line."""
    fields: dict[str, str] = {}
    """Which column each field of a row is taken from, as in {text = "sentence"}."""
    values: dict[str, str] = {}
    """Fields that have one value in the whole file."""
    label_names: dict[str, str] | Path | None = None
    """What labels are called in the file and what the model calls them; or a file that names label
    0, 1, 2 ... in its lines."""
    drop_labels: tuple[str, ...] = ()
    """Rows with one of these labels, as the file calls them, are left out."""
    scheme: Scheme | None = None
    """Of the tags of a corpus with entities; how many break it is reported. Not given, it is the
    scheme that they break least."""
    glue: tuple[str, ...] = ()
    """Tokens of a corpus that are one with the token after them, such as @."""
    as_text: bool = False
    """For tagging: whether tokens with entities are to become raw text with entities, by the text
    in the file's comments, or else put together as people write it."""
    skip_faulty: bool = False
    """Whether lines that cannot be read are left out and counted, instead of an error."""
    label_separator: str | None = None
    """What stands between several labels of a text in one column."""
    replace: dict[str, str] = {}
    """Strings replaced in the text, such as markup."""
    detokenize: bool = False
    """Whether the text is tokenised as in the Penn Treebank, and is to be put together again."""
    phrases: bool = False
    """For trees: every phrase with its own label, not only the sentences."""
    groups: Path | None = None
    """A file that names in line i the group of row i; a holdout does not split a group."""
    holdout: Holdout | None = None
    part: tuple[float, float] | None = None
    """Only what lies between two shares of the text of this source, by position: [0, 0.9] and
    [0.9, 1] split it, and no window of the one part reaches into the other."""
    words: PositiveInt | None = None
    """Cut texts into pieces of at most so many words. None of the text is lost."""
    rows: PositiveInt | None = None
    """Only the first so many rows."""
    repeat: PositiveInt = 1
    """How often each row comes in an epoch."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.path is None) == (self.dataset is None):
            raise ValueError("give either a path or a dataset")
        if self.format not in (None, "trees", *FORMATS):
            known = ", ".join([*FORMATS, "trees"])
            raise ValueError(f"no format {self.format!r}; there are {known}")
        if self.parallel is not None and self.path is None:
            raise ValueError("parallel goes with a path: it names the file of that file's targets")
        if self.part is not None and not 0 <= self.part[0] < self.part[1] <= 1:
            raise ValueError(f"part must be two rising shares, as in [0, 0.9], found {self.part}")
        return self


class Data(Config):
    train: tuple[Source, ...]
    dev: dict[str, tuple[Source, ...]] = {}
    """Development sets by name. Left empty, a tenth of the training rows, by their text; for texts
    in streams the last tenth, by position."""
    licences: dict[str, str] = {}
    """Each data set that this model was made from, and the licence of its text."""


class Start(Config):
    """Start from the weights and the tokenizer of a bundle."""

    bundle: str
    """A directory, or the name of a shipped model."""
    parameters: tuple[str, ...] = ("embedding", "encoder")
    """The parts of the model to take over; the rest starts afresh."""


class TrainConfig(Config):
    epochs: PositiveInt = 5
    rows: PositiveInt = 64
    """Rows of a batch, a power of two; fewer where the rows are long."""
    tokens: PositiveInt = 16_384
    """Tokens of a batch, padding included."""
    lengths: tuple[PositiveInt, ...] = (16, 32, 64, 128, 256, 512)
    """Lengths that training pads to. The rest of a longer text is not trained on."""
    optimizer: OptimizerConfig = OptimizerConfig()
    weight_drop: float = Share
    """The share of recurrent weights zeroed at each step (Merity et al. 2018)."""
    ema: float = Share
    """Decay of the moving average of the weights that is evaluated and saved; 0: none."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What products are computed in. Weights and their updates are float32 always."""
    devices: PositiveInt = 1
    """Devices of this host that share each batch."""
    seed: NonNegativeInt = 0
    evaluate_every: PositiveInt | None = None
    """Steps between evaluations; once an epoch, if not given."""
    checkpoint_every: PositiveInt = 500
    """Steps between checkpoints."""
    patience: PositiveInt | None = None
    """Stop after so many evaluations without a better one."""
    metric: str = ""
    """What is best, averaged over the development sets; by task, if not given."""
    log_every: PositiveInt = 20


class Recipe(Config):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """The model's name."""
    task: str
    description: str = ""
    """One sentence for the model card."""
    notes: str = ""
    """Where the numbers below come from."""
    languages: tuple[str, ...] = ()
    licence: str = "Apache-2.0"
    data: Data
    tokenizer: TokenizerConfig = TokenizerConfig()
    start: Start | None = None
    model: SerializeAsAny[Config]
    train: TrainConfig = TrainConfig()
    buckets: Buckets = Buckets()
    storage: Storage = "float16"
    """How the bundle stores weights. They are computed with in float32."""
    probes: tuple[str, ...] = ()
    """Texts whose answers the bundle records, so that a server can check itself."""

    @field_validator("tokenizer")
    @classmethod
    def _known_tokenizer(cls, config: TokenizerConfig) -> TokenizerConfig:
        if config.kind not in TOKENIZERS:
            raise ValueError(f"no kind {config.kind!r}; there are {', '.join(TOKENIZERS)}")
        return config

    @model_validator(mode="before")
    @classmethod
    def _model_of_task(cls, data: Any) -> Any:
        """What [model] may hold is the task's affair."""
        if not isinstance(data, dict) or not isinstance(data.get("model", {}), dict):
            return data
        if data.get("task") not in TASKS:
            raise ValueError(f"no task {data.get('task')!r}; there are {', '.join(TASKS)}")
        kind = TASKS[data["task"]].config_type
        return {**data, "model": kind.parse(data.get("model", {}), source="[model]")}


def load_recipe(name: str, assignments: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML file or of a shipped name, with overrides. Raises UserError."""
    path = find_recipe(name)
    return Recipe.parse(override(read_toml(path), assignments), source=str(path))


def is_recipe(name: str) -> bool:
    """Whether a name is one of a recipe, as `load_recipe` takes it."""
    return name.endswith(".toml") or name in _shipped()


def find_recipe(name: str) -> Path:
    if not is_recipe(name):
        known = ", ".join(sorted(_shipped()))
        raise UserError(f"no recipe {name!r}; give a TOML file or one of: {known}")
    return _shipped().get(name, Path(name))


def _shipped() -> dict[str, Path]:
    return {file.stem: file for file in RECIPES.glob("*.toml")}
