#!/usr/bin/env python3
"""Runs the reference job with Spotmill and with raw Polars in turn, checks that they agree, and prints one table.

usage: examples/reference-job/bench/run.py [--scale 1] [--parts 16] [--rounds 3]
Makes its input (once), two virtual environments and an optimized build below target/bench. Compare ratios within one
run; machines differ and are noisy.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
JOB = ROOT / "examples/reference-job"
WORK = ROOT / "target/bench"
PEERS = {"polars 1.43.2": "1.43.2", "polars 2.1.0": "2.1.0"}


def sh(*command, **options):
    subprocess.run([str(c) for c in command], check=True, **options)


def python(version):
    """An environment with this Polars; 1.43.2 is the engine of the Rust crates 0.55.2."""
    home = WORK / f"venv-{version}"
    if not (home / "ready").exists():
        sh(sys.executable, "-m", "venv", home)
        sh(home / "bin/pip", "install", "-q", f"polars=={version}")
        (home / "ready").touch()
    return home / "bin/python"


def measure(command, **options):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, check=True, text=True, **options)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime, done.stdout


def raw(version, source, out):
    shutil.rmtree(out, ignore_errors=True)
    wall, cpu, _ = measure([python(version), JOB / "bench/raw_polars.py", source, out])
    return {"wall": wall, "cpu": cpu, "peak": None}


def project(row_check, source, scale):
    """A copy of the pipeline with the row check set, beside its input."""
    home = WORK / f"project-{row_check}"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(JOB / "sql", home / "sql")
    text = (JOB / "pipeline.toml").read_text()
    text = text.replace("header     = false\n", f'header     = false\nrow_check  = "{row_check}"\n')
    (home / "pipeline.toml").write_text(text)
    (home / "data-generated").mkdir()
    os.symlink(source, home / f"data-generated/sf{scale}")
    return home


def spotmill(row_check, source, scale):
    home = project(row_check, source, scale)
    command = [ROOT / "target/release/spotmill", "-C", home, "--json", "run", "--param", f"scale={scale}"]
    wall, cpu, out = measure(command, env={**os.environ, "SPOTMILL_WORKER": str(ROOT / "target/release/spotmill-worker")})
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "run_ended" and last["outcome"] == "succeeded", last
    return {"wall": wall, "cpu": cpu, "peak": max(step["peak_bytes"] for step in last["steps"]), "out": home / "out"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--parts", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    sh("cargo", "build", "--release", "--locked", "-p", "spotmill", "-p", "spotmill-worker", "-p", "reference-job-generate", cwd=ROOT)
    source = WORK / f"input-{args.scale}-{args.parts}"
    if not (source / "done").exists():
        sh(ROOT / "target/release/reference-job-generate", source, "--scale", args.scale, "--parts", args.parts)
        (source / "done").touch()
    results = {}
    for _ in range(args.rounds):
        for name, version in PEERS.items():
            results.setdefault(name, []).append(raw(version, source, WORK / f"raw-{version}"))
        for row_check in ("used", "all"):
            result = spotmill(row_check, source, args.scale)
            results.setdefault(f"spotmill, row_check = \"{row_check}\"", []).append(result)
            sh(python("1.43.2"), JOB / "bench/check.py", result["out"], WORK / "raw-1.43.2")
    table(results, args)


def table(results, args):
    base = {name: statistics.median(r["wall"] for r in results[name]) for name in PEERS}
    print(f"\nscale {args.scale}, {args.parts} files, {os.cpu_count()} cores, median of {args.rounds}")
    print(f"| {'':34} | wall s | user CPU s | peak child MB | × 1.43.2 | × 2.1.0 |\n|---|---|---|---|---|---|")
    for name, runs in results.items():
        wall, cpu = (statistics.median(r[k] for r in runs) for k in ("wall", "cpu"))
        peak = max(r["peak"] for r in runs) // 1_000_000 if runs[0]["peak"] else "-"
        ratios = " | ".join(f"{wall / base[p]:.2f}" for p in PEERS)
        print(f"| {name:34} | {wall:.1f} | {cpu:.1f} | {peak} | {ratios} |")


main()
