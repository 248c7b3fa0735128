from __future__ import annotations

import subprocess
import sys

from tests.command_line import REPOSITORY

CONFINED = """
import resource
from transforms.decode.confinement import confine
confine(400 * 2**20)
held = bytearray(100 * 2**20)
try:
    bytearray(600 * 2**20)
except MemoryError:
    print("refused", resource.getrlimit(resource.RLIMIT_CORE)[0])
confine(2**40)
print(resource.getrlimit(resource.RLIMIT_DATA)[0] == 400 * 2**20)
"""


def test_a_confined_process_gets_no_more_memory_than_allowed_and_cannot_ask_for_more() -> None:
    run = subprocess.run([sys.executable, "-c", CONFINED], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["refused", "0", "True"]
