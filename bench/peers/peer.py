"""The other end of worker.py: one library's process, asked over pipes."""
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Threads of OpenMP that wait may spin within a call, or many small regions would be slow, but not
# for the 200 ms that are one library's default. peers.py lets them rest and says who does not.
QUIET = {"KMP_BLOCKTIME": "20"}


def environment(name, threads):
    counts = {k: str(threads) for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS",
                                        "OPENBLAS_NUM_THREADS", "DPCPP_CPU_NUM_CUS")}
    more = {**os.environ, **QUIET, **counts, "OMP_DYNAMIC": "false"}
    folder = Path(sys.prefix) / "lib"
    if name == "onednn":  # whose package leaves finding its run-time libraries to others
        more["LD_LIBRARY_PATH"] = f"{folder}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
        more["OCL_ICD_FILENAMES"] = str(folder / "libintelocl.so")
    return more


class Peer:
    """A library: started when it is asked for the first time, and again after it died."""

    def __init__(self, engine, threads, memory_bytes):
        self.engine, self.threads, self.memory_bytes = engine, threads, memory_bytes
        self.process, self.name, self.missing, self.idle = None, engine, None, 0.0
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), self.engine, str(self.threads),
             str(self.memory_bytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=environment(self.engine, self.threads))
        greeting = self.answer(120)
        self.name = greeting.get("name", self.engine)
        if "name" not in greeting:
            self.missing = next(iter(greeting.values()))
            self.stop()

    def answer(self, seconds):
        """The next line, or how the process ended."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            self.stop()
            return {"failed": f"more than {seconds:.0f} s"}
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        code = self.process.wait()
        self.process = None
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return {"failed": f"the process ended ({how})"}

    def ask(self, do, seconds, **request):
        if self.process is None:
            self.start()
        if self.process is None:
            return {"failed": self.missing or "does not start again"}
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        reply = self.answer(seconds)
        self.idle = max(self.idle, reply.pop("idle_cpu_seconds", 0.0))
        return reply

    def stop(self):
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None
