#!/usr/bin/env python3
"""Seconds from an empty environment to a first result, and megabytes on disk, beside the tools that people try as well.

Usage:  python3 first_result.py --wheel spotmill-….whl [--runs 5]      needs PyPI for the other tools

Each tool is installed by pip into an empty virtual environment of its own and then does the least that shows it a result:
Spotmill, DuckDB and dlt group the same thousand orders out of a CSV file, SQLMesh runs the example that its `init` writes.
Prints a Markdown table: installing (wall seconds, with what pip downloads), megabytes (what the environment grew by), then
from the first command to the result (medians of --runs, each in an empty directory: wall seconds, and CPU seconds of all
processes, which other work on the machine disturbs less).
"""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

DUCKDB = """
import duckdb
print(duckdb.sql("SELECT item, count(*) AS orders, sum(amount) AS amount FROM 'orders.csv' GROUP BY ALL ORDER BY item"))
"""
DLT = """
import csv, dlt
rows = [{**r, "amount": float(r["amount"])} for r in csv.DictReader(open("orders.csv"))]
pipeline = dlt.pipeline("shop", destination=dlt.destinations.duckdb("lake.duckdb"), dataset_name="raw", pipelines_dir=".")
pipeline.run(rows, table_name="orders")
with pipeline.sql_client() as client:
    print(client.execute_sql("SELECT item, count(*), sum(amount) FROM orders GROUP BY 1 ORDER BY 1"))
"""
# Per tool: what pip installs, and the commands, each a program of the environment with its arguments.
TOOLS = {
    "Spotmill": (None, [["spotmill", "init", "--from", "orders.csv", "shop"], ["spotmill", "-C", "shop", "run", "--date", "2026-01-01"]]),
    "DuckDB": ("duckdb", [["python", "-c", DUCKDB]]),
    "dlt": ("dlt[duckdb]", [["python", "-c", DLT]]),
    "SQLMesh": (
        "sqlmesh[duckdb]",
        [
            ["sqlmesh", "init", "-t", "default", "duckdb"],
            ["sqlmesh", "plan", "--auto-apply"],
            ["sqlmesh", "fetchdf", "SELECT * FROM sqlmesh_example.full_model"],
        ],
    ),
}


def orders(path):
    rows = (f"{i},{'abcdefg'[i % 7]},{i * 7919 % 10000 / 100:.2f}\n" for i in range(1000))
    path.write_text("id,item,amount\n" + "".join(rows))


def megabytes(folder):
    return sum(f.lstat().st_size for f in folder.rglob("*") if not f.is_symlink() and f.is_file()) / 1e6


def install(home, package):
    """Wall seconds and megabytes of one `pip install`."""
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    empty, began = megabytes(home), time.monotonic()
    subprocess.run([home / "bin" / "pip", "install", "-q", "--no-cache-dir", package], check=True)
    return time.monotonic() - began, megabytes(home) - empty


def first_result(home, commands):
    """Wall and CPU seconds from the first command to the end of the last, in an empty directory."""
    with tempfile.TemporaryDirectory() as folder:
        orders(pathlib.Path(folder) / "orders.csv")
        environment = {"PATH": f"{home / 'bin'}:/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8"}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        for command in commands:
            done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{' '.join(command)[:80]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", required=True, type=pathlib.Path, help="Spotmill's wheel, as infra/release/package.py packs it")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print("| | installed in | on disk | first result | CPU |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for tool, (package, commands) in TOOLS.items():
            home = pathlib.Path(folder) / tool
            seconds, size = install(home, package or os.fspath(options.wheel))
            walls, cpus = zip(*(first_result(home, commands) for _ in range(options.runs)))
            took, cpu = statistics.median(walls), statistics.median(cpus)
            print(f"| {tool} | {seconds:.1f} s | {size:.0f} MB | {took:.1f} s | {cpu:.1f} s |", flush=True)


if __name__ == "__main__":
    main()
