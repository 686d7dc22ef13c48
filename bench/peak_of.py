"""Runs a command and appends one JSON line to standard error: its exit status and peak memory.

The system counts the memory of a process from before its program starts, so a command started by
a large process would show that process's peak. This program stays small and imports little.
"""
import json
import os
import sys


def main():
    child = os.fork()
    if child == 0:
        try:
            os.execvp(sys.argv[1], sys.argv[1:])
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    report = {"status": os.waitstatus_to_exitcode(status), "peak_rss_bytes": usage.ru_maxrss * 1024,
              "user_seconds": usage.ru_utime, "system_seconds": usage.ru_stime}
    sys.stderr.write("\n" + json.dumps(report) + "\n")


main()
