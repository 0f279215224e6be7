# SPDX-License-Identifier: GPL-2.0-only
"""press_key.py PATTERN COMMAND...: run it on a terminal of its own, press Ctrl-C once it printed PATTERN,
print what it printed, and exit as it does."""
import os
import pty
import sys


def main():
    pattern, command = sys.argv[1].encode(), sys.argv[2:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    output, pressed = b"", False
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the last one closed it
            break
        output += data
        if not pressed and pattern in output:
            os.write(terminal, b"\x03")
            pressed = True
    sys.stdout.buffer.write(output)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)


main()
