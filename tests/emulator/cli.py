"""The AWS command line in one process: as a program of its own, every call would take most of a second of a processor to
start. A request is a line with its length and that many bytes, the arguments with zero bytes between them. An answer is
a line of exit code and lengths, then output and errors."""

import os
import sys
import tempfile
import traceback

from awscli.clidriver import create_clidriver


def call(args):
    try:
        # A new one: what a call registers with its session would meet the next.
        return create_clidriver().main(args) or 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 255
    except BaseException:
        traceback.print_exc()
        return 255


def captured(args):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        code = call(args)
        sys.stdout.flush()
        sys.stderr.flush()
        return code, *(os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0) for file in (out, err))


requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
for line in requests:
    code, out, err = captured(requests.read(int(line)).decode().split("\0"))
    replies.write(b"%d %d %d\n" % (code, len(out), len(err)) + out + err)
    replies.flush()
