"""Drives the product's worker over its batch protocol: `WORKER sql` reads requests from stdin, one JSON object a line,
and answers one line each, in order. A worker that dies is a crash of the request it was busy with, one that does not
answer in time is killed; either way a new one is started and goes on with the rest. Replies are those of the worker
(`ok`, `refused`, `failed`, `panic`) or, from here, `{"crash": "..."}` and `{"timeout": seconds}`.
Used by tpc.py, fuzz.py and replay.py; nothing to run.
"""

import collections
import json
import os
import selectors
import subprocess
import tempfile
import time

AHEAD = 4  # requests sent before the reply to the first is read; few enough to fit into the pipe's buffer


class Worker:
    def __init__(self, path, timeout=10.0):
        self.path, self.timeout = path, timeout
        self.process = None
        self.starts = 0

    def start(self):
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [self.path, "sql"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr
        )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.buffer = b""
        self.starts += 1

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            try:
                self.process.stdin.close()
            except OSError:
                pass  # what was not read yet is lost with it
            self.process.stdout.close()
            self.selector.close()
            self.stderr.close()
            self.process = None

    def close(self):
        """Lets the worker end by itself: its input is over."""
        if self.process:
            try:
                self.process.stdin.close()
                self.process.wait(2)
            except (OSError, subprocess.TimeoutExpired):
                pass
            self.stop()

    def send(self, request):
        if not self.process:
            self.start()
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            pass  # it died: reading its reply says so

    def receive(self):
        """One reply, or what went wrong: then the process is of no use any more."""
        until = time.monotonic() + self.timeout
        while b"\n" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not self.selector.select(left):
                return {"timeout": self.timeout}, False
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                return {"crash": self.last_words()}, False
            self.buffer += chunk
        line, self.buffer = self.buffer.split(b"\n", 1)
        try:
            return json.loads(line), True
        except ValueError:
            return {"crash": f"not JSON: {line[:200]!r}"}, False

    def last_words(self):
        """The end of stderr and the exit status."""
        status = self.process.wait()
        self.stderr.seek(0, os.SEEK_END)
        self.stderr.seek(max(0, self.stderr.tell() - 2000))
        lines = self.stderr.read().decode(errors="replace").strip().splitlines()
        return f"exit {status}: " + " | ".join(lines[-3:])

    def replies(self, requests):
        """Yields the reply to each request, in order, while a few later ones are already under way."""
        waiting = collections.deque(requests)
        sent = collections.deque()
        while waiting or sent:
            while waiting and len(sent) < AHEAD:
                sent.append(waiting.popleft())
                self.send(sent[-1])
            reply, usable = self.receive()
            sent.popleft()
            if not usable:
                self.stop()
                waiting.extendleft(reversed(sent))
                sent.clear()
            yield reply

    def ask(self, request):
        return next(iter(list(self.replies([request]))))
