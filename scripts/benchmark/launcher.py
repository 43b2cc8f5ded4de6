"""Runs a command and writes its peak resident memory, in bytes, to a file: launcher.py FILE COMMAND ARGUMENT ...

A process's peak starts at the size of the process that started it. This one is small, whoever wants the figure.
"""

import os
import sys

target, *command = sys.argv[1:]
try:
    pid = os.posix_spawnp(command[0], command, os.environ)
except OSError as error:
    sys.exit(f"{command[0]}: {error.strerror}")
_, status, usage = os.wait4(pid, 0)
with open(target, "w") as stream:
    stream.write(str(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)))
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
