#!/usr/bin/env python3
"""What it costs that everything is on disk before it counts: runs the reference job with and without fsync and syncfs, in
turn, and prints the medians of the wall time and their difference as a share of the run.

usage: examples/reference-job/bench/sync.py [--scale 1] [--rounds 5]
Needs what bench/run.py made of the same scale (input and optimized build), and a C compiler for the calls that do nothing.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
WORK = ROOT / "target/bench"
CALLS = "int fsync(int f) { return 0; } int fdatasync(int f) { return 0; } int syncfs(int f) { return 0; }\n"


def library():
    """The three calls as functions that return at once."""
    source, made = WORK / "no-sync.c", WORK / "no-sync.so"
    source.write_text(CALLS)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source], check=True)
    return made


def seconds(home, scale, preload):
    for left in (".spotmill", "out"):
        shutil.rmtree(home / left, ignore_errors=True)
    os.sync()
    env = {**os.environ, "SPOTMILL_WORKER": str(ROOT / "target/release/spotmill-worker")}
    if preload:
        env["LD_PRELOAD"] = str(preload)
    command = [ROOT / "target/release/spotmill", "-C", home, "run", "--param", f"scale={scale}"]
    start = time.monotonic()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    home, preload = WORK / "project-all", library()
    synced, unsynced = [], []
    for _ in range(args.rounds):
        synced.append(seconds(home, args.scale, None))
        unsynced.append(seconds(home, args.scale, preload))
    with_syncs, without = statistics.median(synced), statistics.median(unsynced)
    print(f"with syncs {with_syncs:.2f} s, without {without:.2f} s: {(with_syncs - without) / with_syncs:.1%} of the run")


main()
