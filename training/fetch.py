"""Download the data of the shipped recipes from its official sources."""

import gzip
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from textrnn.errors import UserError
from textrnn.io.files import replace_directory
from training.download import download

Report = Callable[[str, int, int | None], None]
"""(file, bytes received, total bytes if known)."""


@dataclass(frozen=True)
class RemoteFile:
    """A file at its official source."""

    url: str
    digest: str | None = None

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class RemoteDataset:
    """A data set: the files to download, and how to lay them out in a folder."""

    remotes: tuple[RemoteFile, ...]
    lay_out: Callable[[Path, Path], None]
    """(directory of the downloads, folder): write the files of the folder."""
    lines: dict[str, int]
    """The expected number of lines of each text file."""


def fetch(name: str, to: Path, mirror: str | None = None, report: Report = lambda *_: None) -> Path:
    """Download a data set into `to`/`name`, from its sources or from a mirror with the same files.

    The folder appears once it is complete and verified. Until then downloads are kept in
    `to`/.downloads, so that an interrupted one is resumed. Raises UserError.
    """
    if name not in DATASETS:
        raise UserError(f"no data set {name!r}; there are {', '.join(sorted(DATASETS))}")
    folder = to / name
    if folder.exists():
        raise UserError(f"{folder}: exists already; remove it to download it again")
    dataset = DATASETS[name]
    downloads = to / ".downloads" / name
    for remote in dataset.remotes:
        url = f"{mirror.rstrip('/')}/{remote.name}" if mirror else remote.url
        download(
            url, downloads / remote.name, remote.digest,
            lambda done, total, file=remote.name: report(file, done, total),
        )  # fmt: skip
    partial = to / f".{name}.partial"
    partial.mkdir(parents=True, exist_ok=True)
    try:
        dataset.lay_out(downloads, partial)
    except (OSError, KeyError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise UserError(f"{name}: the download is malformed: {error}") from None
    for file, expected in dataset.lines.items():
        count = _count_lines(partial / file)
        if count != expected:
            raise UserError(f"{name}: {file} has {count} lines, expected {expected}")
    replace_directory(partial, folder)
    for remote in dataset.remotes:
        (downloads / remote.name).unlink()
    downloads.rmdir()
    return folder


def _from_zip(archive: str, members: dict[str, str]) -> Callable[[Path, Path], None]:
    def lay_out(downloads: Path, folder: Path) -> None:
        with zipfile.ZipFile(downloads / archive) as source:
            for member, file in members.items():
                (folder / file).write_bytes(source.read(member))

    return lay_out


def _renamed(names: dict[str, str]) -> Callable[[Path, Path], None]:
    def lay_out(downloads: Path, folder: Path) -> None:
        for source, file in names.items():
            (folder / file).write_bytes((downloads / source).read_bytes())

    return lay_out


_REVIEW = re.compile(r"aclImdb/train/(pos|neg|unsup)/(\d+)_(\d+)\.txt")
_URLS = re.compile(r"aclImdb/train/urls_(pos|neg)\.txt")


def _lay_out_imdb(downloads: Path, folder: Path) -> None:
    """Merge 100,000 small files into a table each of positive, negative and unlabelled reviews."""
    reviews: dict[str, list[tuple[int, str, str]]] = {"pos": [], "neg": [], "unsup": []}
    with tarfile.open(downloads / "aclImdb_v1.tar.gz") as archive:
        for member in archive:
            review, urls = _REVIEW.fullmatch(member.name), _URLS.fullmatch(member.name)
            stream = archive.extractfile(member) if review or urls else None
            if stream is None:
                continue
            text = stream.read().decode("utf-8")
            if review:
                side, number, stars = review.groups()
                flat = text.replace("\t", " ").replace("\r", " ").replace("\n", " ")
                reviews[side].append((int(number), stars, flat))
            elif urls:
                _write(folder / f"train.urls_{urls[1]}.txt.gz", [text])
    for side, rows in reviews.items():
        lines = (f"{number}\t{stars}\t{text}\n" for number, stars, text in sorted(rows))
        _write(folder / f"train.{side}.tsv.gz", lines)


def _write(path: Path, parts: Iterable[str]) -> None:
    with gzip.open(path, "wb") as stream:
        for part in parts:
            stream.write(part.encode())


def _count_lines(path: Path) -> int:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as stream:
        return sum(1 for _ in stream)


_GOEMOTIONS = (
    "https://raw.githubusercontent.com/google-research/google-research/master/goemotions/data/"
)

DATASETS: dict[str, RemoteDataset] = {
    "sst2": RemoteDataset(
        (
            RemoteFile(
                "https://dl.fbaipublicfiles.com/glue/data/SST-2.zip",
                "md5:9f81648d4199384278b86e315dac217c",
            ),
        ),
        _from_zip("SST-2.zip", {"SST-2/train.tsv": "train.tsv", "SST-2/dev.tsv": "dev.tsv"}),
        {"train.tsv": 67_350, "dev.tsv": 873},
    ),
    "sst_trees": RemoteDataset(
        (
            RemoteFile(
                "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",
                "sha256:5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
            ),
        ),
        _from_zip(
            "trainDevTestTrees_PTB.zip",
            {"trees/train.txt": "train.txt", "trees/dev.txt": "dev.txt"},
        ),
        {"train.txt": 8_544, "dev.txt": 1_101},
    ),
    "imdb": RemoteDataset(
        (
            RemoteFile(
                "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
                "md5:7c2ac02c03563afcf9b574c7e56c153a",
            ),
        ),
        _lay_out_imdb,
        {"train.pos.tsv.gz": 12_500, "train.neg.tsv.gz": 12_500, "train.unsup.tsv.gz": 50_000},
    ),
    "goemotions": RemoteDataset(
        (
            RemoteFile(_GOEMOTIONS + "train.tsv"),
            RemoteFile(_GOEMOTIONS + "dev.tsv"),
            RemoteFile(_GOEMOTIONS + "emotions.txt"),
        ),
        _renamed(
            {
                "train.tsv": "original_train.tsv",
                "dev.tsv": "original_dev.tsv",
                "emotions.txt": "original_labels.txt",
            }
        ),
        {"original_train.tsv": 43_410, "original_dev.tsv": 5_426},
    ),
}
