"""A saved model: a directory with all that training and serving share."""

from textrnn.bundle.bundle import (
    FORMAT,
    SHIPPED,
    Bundle,
    BundleInfo,
    DataSource,
    Probe,
    Provenance,
    as_stored,
    digest,
    find,
    load_bundle,
    save_bundle,
    shipped,
)

__all__ = [
    "FORMAT", "SHIPPED", "Bundle", "BundleInfo", "DataSource", "Probe", "Provenance", "as_stored",
    "digest", "find", "load_bundle", "save_bundle", "shipped",
]  # fmt: skip
