import os
import subprocess

import pytest

from support.paths import ROOT
from textrnn.native.build import configure_library, obstacle, program

pytestmark = [pytest.mark.process, pytest.mark.skipif(bool(obstacle()), reason=obstacle())]


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sanitize")
    cmake = program("cmake")
    source = ROOT / "textrnn" / "native"
    if cmake is None or configure_library(source, folder):
        pytest.skip("no CMake or no C++17")
    # Optimised code would take four times as long to compile, and access less.
    settings = ["-DTEXTRNN_SANITIZE=ON", "-DCMAKE_BUILD_TYPE=Debug"]
    subprocess.run([cmake, *settings, str(folder)], check=True)
    subprocess.run([cmake, "--build", str(folder), "--target", "driver", "--parallel"], check=True)
    return folder / "driver"


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512", "avx512vnni", "avx512bf16"])
def test_no_access_leaves_an_array(driver, isa):
    """Fails on an access outside of an array, a use of freed memory, undefined behaviour, a leak,
    or if lengths that do not fit are accepted. An instruction set that this processor lacks is
    replaced by the next smaller one."""
    done = subprocess.run(
        [driver, "100"], env=os.environ | {"TEXTRNN_ISA": isa}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "100 batches\n"
