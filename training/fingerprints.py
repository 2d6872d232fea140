"""Fingerprints of training data, for the provenance of a model."""

import hashlib

import babel

from textrnn.io.files import digest
from training.recipe import Source
from training.sources import data_root, paths_of
from training.text_files import files_of


def fingerprints(source: Source) -> dict[str, str]:
    """By path: the SHA-256 of a file's bytes, or of the digests and names of a folder's files.

    A Hugging Face data set is identified by its name, subset and split; pairs made from CLDR by
    their languages and number, and the version of Babel. Texts in no language have none.
    """
    if source.languages is not None:
        name = f"{source.made} {'-'.join(source.languages)}"
        return {name: f"{source.rows} pairs by Babel {babel.__version__}"}
    if source.made is not None:
        return {}
    if source.path is None:
        return {str(source.dataset): f"{source.dataset} {source.subset or ''} [{source.split}]"}
    result = {}
    paths = paths_of(source) + ([data_root() / source.parallel] if source.parallel else [])
    for full in paths:
        path = full.relative_to(data_root()) if full.is_relative_to(data_root()) else full
        if full.is_dir():
            lines = (f"{digest(file)} {file.relative_to(full)}\n" for file in files_of(full))
            result[str(path)] = hashlib.sha256("".join(lines).encode()).hexdigest()
        else:
            result[str(path)] = digest(full)
    return result
