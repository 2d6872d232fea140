"""The end of a process at any step that changes the disk, without a process."""

import errno
import itertools
import os
import shutil

from textrnn.io import files

STEPS = [(os, "fsync"), (os, "rename"), (os, "replace"), (shutil, "rmtree"), (files, "_exchange")]


class Killed(BaseException):
    """In place of SIGKILL: nothing handles it."""


def kill_at(patch, step: int, exchanges: bool = True) -> None:
    """Raise Killed in place of the call number `step` of STEPS.

    Without `exchanges`, the file system cannot exchange two directories.
    """
    calls = itertools.count()

    def wrapped(real):
        def call(*arguments, **options):
            if next(calls) == step:
                raise Killed
            return real(*arguments, **options)

        return call

    def unsupported(one, other):
        raise OSError(errno.EINVAL, "Invalid argument")

    for module, name in STEPS:
        real = getattr(module, name)
        replaced = unsupported if name == "_exchange" and not exchanges else real
        patch.setattr(module, name, wrapped(replaced))
