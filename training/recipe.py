"""The recipe of a model: data, tokenizer, model, training and export in one typed TOML file.

The docstring of each field is its entry in the recipe reference.
"""

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

from textrnn.batching import Limits
from textrnn.bundle.weights import Storage
from textrnn.config import Config, override, read_toml
from textrnn.errors import UserError
from textrnn.io.formats import FORMATS
from textrnn.tasks import TASKS, StreamTask
from textrnn.tasks.tag.schemes import Scheme
from textrnn.text import TOKENIZERS, TokenizerConfig
from training.augmentation.config import AugmentConfig
from training.excerpts import Excerpts
from training.locale_phrases.pairs import parse_language
from training.optimizer import OptimizerConfig

RECIPES = Path(__file__).parent / "recipes"

Fraction = Field(default=0.0, ge=0, lt=1)


class Holdout(Config):
    """One side of a split by the hash of each row's group, or of its text without `groups`."""

    fraction: float = Field(gt=0, lt=1)
    """Fraction of the groups in the development side."""
    side: Literal["train", "dev"]
    """Which side of the split this source is."""


class Source(Config):
    """A file or a Hugging Face data set, and how its columns map to the fields of rows."""

    path: Path | None = None
    """Path below the data root, which is `$TEXTRNN_DATA` or else `./data`. A pattern with `*`, `?`
    or `[...]` stands for all files that match, in the order of their names. For generation it may
    be a directory; each of its text files is a row."""
    dataset: str | None = None
    """Name of a data set for `datasets.load_dataset`, or a directory of data files."""
    made: Literal["no-language", "locale", "opinions", "emotions", "entities"] | None = None
    """Texts that are made instead of read, as many as `rows`. `no-language` makes numbers, codes,
    addresses, symbols and random letters; their label is in `values`. `locale` makes dates, times,
    quantities and names in the two `languages`, for translation. `opinions` makes ratings, emoji
    and short sentences in English with the labels positive, neutral and negative; `emotions` makes
    comments in English with the labels of GoEmotions. `entities` makes texts in English with names
    of the types PER, LOC and ORG."""
    languages: tuple[str, str] | None = None
    """For `made = "locale"`: codes of the source and the target language, as in ["en", "de"]."""
    parallel: Path | None = None
    """For translation: text file whose lines are the targets of the lines of `path`."""
    subset: str | None = None
    """Configuration of a Hugging Face data set that has several."""
    split: str = "train"
    """Split of a Hugging Face data set."""
    format: str | None = None
    """File format: csv, tsv, jsonl, parquet, lines, conll, conllu, iob2, or `trees`, the bracketed
    format of sentiment treebanks. By default it follows from the file's extension."""
    columns: tuple[str, ...] = ()
    """Column names of a file that has no header line."""
    fields: dict[str, str] = {}
    """Column of each field of a row, as in `{text = "sentence"}`."""
    values: dict[str, str] = {}
    """Fields with the same value in every row, as in `{label = "spam"}`."""
    label_names: dict[str, str] | Path | None = None
    """Maps labels in the file to labels of the model; or a file whose lines name the labels 0, 1,
    2 and so on."""
    drop_labels: tuple[str, ...] = ()
    """Labels in the file whose rows are skipped. For tagging, these entity types become O."""
    where: dict[str, tuple[str, ...]] = {}
    """Columns and their values in the rows to use, as in `{part = ["2013", "2014"]}`; other rows
    are skipped."""
    scheme: Scheme | None = None
    """For tagging: tagging scheme of the file. Violations are repaired and counted. By default the
    scheme with the fewest violations is chosen."""
    glue: tuple[str, ...] = ()
    """For tagging: tokens that are joined to the token after them, such as "@"."""
    as_text: bool = False
    """For tagging: whether to convert tokens to raw text with entity offsets. Uses the original
    text if the file has it in comments, and otherwise detokenizes."""
    skip_faulty: bool = False
    """Whether to leave out and count rows that cannot be used instead of refusing to train."""
    label_separator: str | None = None
    """Separator of multiple labels in one column."""
    replace: dict[str, str] = {}
    """Replacements in the text, as in `{"<br />" = " "}`."""
    detokenize: bool = False
    """Whether to detokenize text that is tokenised as in the Penn Treebank."""
    phrases: bool = False
    """For `trees`: whether to use every labelled phrase rather than whole sentences only."""
    groups: Path | None = None
    """File whose line i names the group of row i. A holdout never splits a group."""
    holdout: Holdout | None = None
    """Use one side of a random but reproducible split of this source."""
    part: tuple[float, float] | None = None
    """Use only the text between two fractions of the source, by position. [0, 0.9] and [0.9, 1]
    split a text without overlap."""
    words: PositiveInt | None = None
    """Split texts into segments of at most this many words."""
    between: tuple[PositiveInt, PositiveInt] | None = None
    """Use only rows whose text has at least and at most so many words."""
    excerpts: Excerpts | None = None
    """For classification: draw random excerpts instead of using whole texts."""
    rows: PositiveInt | None = None
    """Use only the first rows."""
    phrase_pairs: PositiveInt | None = None
    """For translation: adds at most this many words and short phrases with their translations, by
    word alignment of this source."""
    repeat: PositiveInt = 1
    """Number of times that each row occurs in an epoch."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(each is not None for each in (self.path, self.dataset, self.made)) != 1:
            raise ValueError("set one of path, dataset and made")
        if self.made == "no-language" and (self.rows is None or "label" not in self.values):
            raise ValueError('no-language requires rows, and values with a label ({label = "und"})')
        if self.made in ("opinions", "emotions", "entities") and self.rows is None:
            raise ValueError(f'made = "{self.made}" requires rows')
        if self.made == "locale" and (self.rows is None or self.languages is None):
            raise ValueError('made = "locale" requires rows and languages, as in ["en", "de"]')
        if self.languages is not None and self.made != "locale":
            raise ValueError('languages requires made = "locale"')
        for code in self.languages or ():
            parse_language(code)
        if self.format not in (None, "trees", *FORMATS):
            known = ", ".join([*FORMATS, "trees"])
            raise ValueError(f"no format {self.format!r}; there are {known}")
        if self.parallel is not None and self.path is None:
            raise ValueError("parallel requires path: it is the file with the targets of that file")
        if self.is_pattern and (self.parallel is not None or self.groups is not None):
            raise ValueError("parallel and groups belong to one file; path must not be a pattern")
        if self.part is not None and not 0 <= self.part[0] < self.part[1] <= 1:
            raise ValueError(
                f"part must be two increasing fractions, as in [0, 0.9], found {self.part}"
            )
        return self

    @property
    def is_pattern(self) -> bool:
        """Whether the path stands for several files."""
        return self.path is not None and any(char in str(self.path) for char in "*?[")


class Data(Config):
    """Training and development data."""

    train: tuple[Source, ...]
    """Sources of the training rows."""
    dev: dict[str, tuple[Source, ...]] = {}
    """Development sets by name. By default a tenth of the training rows is held out, chosen by the
    hash of their text; for generation the last tenth, by position."""
    licences: dict[str, str] = {}
    """Licence of each data set, for the model card."""


class Start(Config):
    """Warm start: the tokenizer and weights of an existing bundle."""

    bundle: str | tuple[str, ...]
    """Bundle directory, or name of a shipped model. "" is random weights, which a recipe without
    `[start]` begins with too, and a tokenizer of its own. Of several bundles with one tokenizer
    and equal shapes, such as runs that differ in their seed, the mean of the weights is taken
    (Wortsman et al. 2022)."""
    parameters: tuple[str, ...] = ("embedding", "encoder")
    """Prefixes of the parameters to copy. All others are initialised randomly."""
    words: NonNegativeInt = 0
    """For tokenizers of words: adds at most this many words of the training rows which that of the
    bundle does not know, the most frequent first, seen `tokenizer.min_count` times or more."""


class TrainConfig(Config):
    """Batches, optimisation and evaluation."""

    epochs: NonNegativeInt = 5
    """Passes over the training rows, or several in each if `epoch_steps` is set. 0 exports the
    weights that `[start]` gives."""
    epoch_steps: NonNegativeInt = 0
    """Number of steps of an epoch, at least: rows so few that a pass has fewer steps are passed
    over again before the next evaluation."""
    rows: PositiveInt = 64
    """Maximum rows per batch. Batches of long rows have fewer, a power of two."""
    tokens: PositiveInt = 16_384
    """Maximum tokens per batch, including padding."""
    lengths: tuple[PositiveInt, ...] = (16, 32, 64, 128, 256, 512)
    """Lengths in tokens to which batches are padded. Longer texts are truncated."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """Optimizer and learning-rate schedule."""
    weight_drop: float = Fraction
    """DropConnect probability of recurrent weights (Merity et al. 2018)."""
    ema: float = Fraction
    """Decay of the exponential moving average of the weights, which is evaluated and exported. 0
    disables averaging."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of matrix products. Weights, sums and updates are always float32."""
    shards: PositiveInt | None = None
    """Parts into which the rows of each batch are divided, to be worked on by one device or more.
    The result depends on them, up to rounding, and not on the number of devices and hosts that
    share the work. By default one for each device of each host."""
    devices: PositiveInt = 1
    """Devices of each host that share the work."""
    seed: NonNegativeInt = 0
    """Seed of initialisation, shuffling and dropout."""
    evaluate_every: PositiveInt | None = None
    """Steps between evaluations. By default once per epoch."""
    checkpoint_every: PositiveInt = 500
    """Steps between checkpoints."""
    patience: PositiveInt | None = None
    """Stop early after this many evaluations without improvement."""
    metric: str = ""
    """Metric that selects the best weights, averaged over the development sets. By default the
    main metric of the task."""
    log_every: PositiveInt = 20
    """Steps between entries in the log."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.lengths or list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(f"lengths must increase, found {list(self.lengths)}")
        if self.lengths[-1] > self.tokens:
            raise ValueError(
                f"a row of the longest length {self.lengths[-1]} does not fit into {self.tokens} "
                "tokens"
            )
        return self


class Recipe(Config):
    """Everything that determines a model."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """Name of the model: lower-case letters, digits, `.`, `_` and `-`."""
    task: str
    """classify, tag, translate, generate, pretrain or vectors."""
    description: str = ""
    """One sentence for the model card."""
    notes: str = ""
    """Notes for the model card: the source of the hyperparameters, the results, what the model is
    bad at."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes of the languages, for the model card."""
    licence: str = "Apache-2.0"
    """Licence of the model."""
    data: Data
    """Training and development data."""
    tokenizer: TokenizerConfig = TokenizerConfig()
    """The tokenizer."""
    start: Start | None = None
    """A bundle to start from instead of random weights."""
    augment: AugmentConfig = AugmentConfig()
    """How training rows are changed from epoch to epoch."""
    model: SerializeAsAny[Config]
    """Hyperparameters of the network; the keys depend on the task."""
    train: TrainConfig = TrainConfig()
    """Batches, optimisation and evaluation."""
    limits: Limits = Limits()
    """Limits of a batch when the model is served."""
    storage: Storage = "float16"
    """Storage type of the weights in the bundle. Inference uses float32."""
    probes: tuple[str, ...] = ()
    """Texts whose answers are recorded in the bundle as its probe. A server checks them at
    startup."""

    @field_validator("tokenizer")
    @classmethod
    def _known_tokenizer(cls, config: TokenizerConfig) -> TokenizerConfig:
        if config.kind not in TOKENIZERS:
            raise ValueError(f"no kind {config.kind!r}; there are {', '.join(TOKENIZERS)}")
        return config

    @field_validator("start")
    @classmethod
    def _named(cls, start: Start | None) -> Start | None:
        return start if start is not None and start.bundle else None

    @model_validator(mode="after")
    def _has_weights(self) -> Self:
        if self.train.epochs == 0 and self.start is None:
            raise ValueError("train.epochs is 0, which needs [start]: there is nothing to export")
        return self

    @model_validator(mode="after")
    def _can_be_augmented(self) -> Self:
        task = TASKS[self.task]
        if self.augment == AugmentConfig():
            return self
        if "tags" in task.row_fields or issubclass(task, StreamTask):
            raise ValueError(f"the rows of {self.task} cannot be augmented; remove [augment]")
        if self.augment.of_pairs and "target" not in task.row_fields:
            names = ", ".join(self.augment.of_pairs)
            raise ValueError(f"{names} of [augment] need pairs of texts; remove them")
        return self

    @property
    def target_language(self) -> str:
        """The language of the targets of pairs; empty if there are none, or if it is not known."""
        return getattr(self.model, "target_language", "")

    @model_validator(mode="before")
    @classmethod
    def _model_of_task(cls, data: Any) -> Any:
        """Parse [model] with the config class of the task."""
        if not isinstance(data, dict) or not isinstance(data.get("model", {}), dict):
            return data
        if data.get("task") not in TASKS:
            raise ValueError(f"no task {data.get('task')!r}; the tasks are {', '.join(TASKS)}")
        kind = TASKS[data["task"]].config_type
        return {**data, "model": kind.parse(data.get("model", {}), source="[model]")}


def load_recipe(name: str, assignments: Sequence[str] = ()) -> Recipe:
    """Load a TOML file or a shipped recipe and apply overrides. Raises UserError."""
    path = find_recipe(name)
    return Recipe.parse(override(read_toml(path), assignments), source=str(path))


def is_recipe(name: str) -> bool:
    """Whether `load_recipe` accepts this name: a shipped recipe or a .toml file."""
    return name.endswith(".toml") or name in _shipped()


def find_recipe(name: str) -> Path:
    """The path of a recipe. Raises UserError."""
    if not is_recipe(name):
        known = ", ".join(sorted(_shipped()))
        raise UserError(f"no recipe {name!r}; give a TOML file or one of: {known}")
    return _shipped().get(name, Path(name))


def _shipped() -> dict[str, Path]:
    return {file.stem: file for file in RECIPES.glob("*.toml")}
