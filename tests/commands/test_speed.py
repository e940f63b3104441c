"""hw1.py's one process-wide trick for speed works; tests/benchmark.py measures the speed."""

import os
import platform
import subprocess
import sys

import pytest

from tests.commands.copies import ROOT

IS_GLIBC = platform.libc_ver()[0] == "glibc"


@pytest.mark.skipif(not IS_GLIBC, reason="tests how glibc's malloc keeps freed memory")
def test_steps_reuse_the_memory_that_earlier_steps_freed():
    environment = {}
    for name, value in os.environ.items():
        if not name.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")):
            environment[name] = value

    done = subprocess.run([sys.executable, "-m", "tests.commands.count_page_faults"], cwd=ROOT,
                          env=environment, stdout=subprocess.PIPE, check=True, text=True)

    assert float(done.stdout) < 200  # 70 with the trick, 350 or more without it
