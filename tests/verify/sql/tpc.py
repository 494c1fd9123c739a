"""TPC-H's 22 and TPC-DS's 99 queries through the product's worker, compared with DuckDB over the same Parquet files.

Usage:  python tpc.py --worker W [--suite h|ds|both] [--scale 0.01] [--only N,N...] [--timeout 10] [--need h=22,ds=97]

The tables are generated once into the build's folder (target/tpc, or $CARGO_TARGET_DIR/tpc); that needs PyPI the first
time. The worker gets the queries' texts as they are. A line a query: right, refused, failed, WRONG with the first rows
that differ, crash or timeout; at the end a table. Among ties a LIMIT may choose other rows than DuckDB: that is right if
they are rows of the unlimited query with the same sort keys. The exit code is 1 if a query was WRONG or crashed, or if
fewer are right than --need says.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import fuzz
import judge
import tables
import tpc_data
import environment
import worker

KINDS = ("right", "refused", "failed", "WRONG", "crash", "timeout")


def data_folder(suite, scale):
    folder = environment.target() / "tpc" / f"{suite}-{scale}"
    if not (folder / "queries.json").exists():
        print(f"generating TPC-{suite.upper()} at scale {scale} ...", flush=True)
        python = environment.environment(environment.target() / "tpc" / f"venv-{tpc_data.VERSION}", tpc_data.PACKAGES)
        subprocess.run([str(python), tpc_data.__file__, suite, scale, str(folder)], check=True)
    return folder


def connect(folder, names):
    con = tables.connect()
    for name in names:
        con.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder / name}.parquet')")
    return con


def outcome(con, sql, reply, output):
    """The kind of the outcome, what there is to say, and whether the answer is empty."""
    theirs = judge.reference(con, sql, 60)
    found = judge.judge(con, sql, reply, theirs, output, limited=True)
    kind = {"agree": "right", "PANIC": "crash"}.get(found.kind, found.kind)
    if kind == "right":
        notes = ", ".join(sorted(set(found.notes)))
        return kind, f"{len(theirs.rows)} rows" + (f", {notes}" if notes else ""), not theirs.rows
    if kind == "refused":
        said = reply["refused"]
        return kind, f"{said.get('line')}:{said.get('column')}: {said['message']}", False
    return kind if kind in KINDS else "failed", found.why, False


def run(suite, options, folder, scratch):
    held = json.loads((folder / "queries.json").read_text())
    only = {int(n) for n in options.only.split(",")} if options.only else None
    texts = [(n, sql) for n, sql in held["queries"] if only is None or n in only]
    sources = {name: {"files": [str(folder / f"{name}.parquet")]} for name in held["tables"]}
    con = connect(folder, held["tables"])
    product = worker.Worker(options.worker, options.timeout)
    outputs = [str(scratch / f"{suite}{n}.parquet") for n, _ in texts]
    replies = product.replies([{"sql": sql, "tables": sources, "output": o} for (_, sql), o in zip(texts, outputs)])
    kinds, empty, why = collections.Counter(), 0, collections.Counter()
    for (n, sql), output in zip(texts, outputs):
        kind, said, nothing = outcome(con, sql, next(replies), output)
        kinds[kind] += 1
        empty += nothing
        why[kind, fuzz.abstract(said)] += kind not in ("right", "WRONG")
        print(f"{suite} {n:3} {kind:8} {said[: options.width]}", flush=True)
    product.close()
    return kinds, empty, why


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--suite", choices=("h", "ds", "both"), default="both")
    parser.add_argument("--scale", default="0.01")
    parser.add_argument("--only", help="numbers of queries, with commas between")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for each query")
    parser.add_argument("--need", default="", help="how many must be right, such as h=22,ds=97")
    parser.add_argument("--width", type=int, default=300, help="characters of a line's message")
    options = parser.parse_args()
    total, fails = {}, False
    with tempfile.TemporaryDirectory() as scratch:
        for suite in ("h", "ds") if options.suite == "both" else (options.suite,):
            start = time.monotonic()
            folder = data_folder(suite, options.scale)
            total[suite] = (*run(suite, options, folder, pathlib.Path(scratch)), time.monotonic() - start)
    print(f"\n{'suite':8}{'queries':>8}" + "".join(f"{k:>9}" for k in KINDS) + "   empty answers   seconds")
    for suite, (kinds, empty, _, seconds) in total.items():
        print(
            f"tpc-{suite:4}{sum(kinds.values()):8}"
            + "".join(f"{kinds[k]:9}" for k in KINDS)
            + f"{empty:16}{seconds:10.1f}"
        )
        fails |= bool(kinds["WRONG"] or kinds["crash"])
    for suite, (_, _, why, _) in total.items():
        for (kind, message), n in why.most_common():
            if n:
                print(f"{suite:3}{n:4} {kind:8} {message}")
    needs = dict(part.split("=") for part in options.need.split(",") if part)
    fails |= any(suite in total and total[suite][0]["right"] < int(n) for suite, n in needs.items())
    sys.exit(1 if fails else 0)


if __name__ == "__main__":
    main()
