"""Bundles: saved models, which training writes and everything else reads."""

from textrnn.bundle.bundle import (
    FORMAT,
    SHIPPED,
    Bundle,
    BundleInfo,
    DataSource,
    Probe,
    Provenance,
    as_stored,
    find_bundle,
    load_bundle,
    read_info,
    save_bundle,
    shipped,
)

__all__ = [
    "FORMAT", "SHIPPED", "Bundle", "BundleInfo", "DataSource", "Probe", "Provenance", "as_stored",
    "find_bundle", "load_bundle", "read_info", "save_bundle", "shipped",
]  # fmt: skip
