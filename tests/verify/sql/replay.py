"""Kept cases through the product's worker, compared with DuckDB: the named ones in cases/, one for each known kind of
wrong answer, and the files that fuzz.py --keep writes.

Usage:  python replay.py --worker W [FILES OR FOLDERS...]      (none: the folder cases/ beside this file)

A case is a JSON file: `tables` as in tables.py, `sql` (a query or a list of them), and if it wants them `name`, `why`,
`floor` (absolute tolerance of floats), `named` (column names that must agree). A query is a text, or an object with
`sql`, `reference` (another text for DuckDB, where it would overflow) and `types` (the types that the reply must name).
DuckDB's answer is computed, not kept.
The exit code is 1 unless every query agrees, fails in both, or differs as differences.py allows; --refused allows refusals.
"""

import argparse
import collections
import json
import pathlib
import sys
import tempfile

import judge
import tables
import worker

FINE = ("agree", "both fail", "known difference")


def files(paths):
    """The case files, those of folders by name."""
    for path in map(pathlib.Path, paths):
        yield from sorted(path.glob("*.json")) if path.is_dir() else [path]


def queries(case):
    held = case["sql"] if isinstance(case["sql"], list) else [case["sql"]]
    return [{"sql": q} if isinstance(q, str) else q for q in held]


def check_types(query, reply, outcome):
    """WRONG where the reply names other types than the query asks for."""
    found = [c["type"] for c in reply["ok"]["columns"]] if "ok" in reply else None
    if outcome.kind == "agree" and query.get("types", found) != found:
        return outcome._replace(kind="WRONG", why=f"the types are {found} for {query['types']}")
    return outcome


def run(case, con, product, folder):
    """The outcome of each query of a case, next to its text."""
    tables.load(con, case["tables"])
    sources = tables.write(con, case["tables"], folder)
    for query in queries(case):
        sql, other = query["sql"], query.get("reference", query["sql"])
        output = folder / "out.parquet"
        output.unlink(missing_ok=True)
        theirs = judge.reference(con, other)
        reply = product.ask({"sql": sql, "tables": sources, "output": str(output)})
        how = {"floor": case.get("floor", 1e-9), "named": case.get("named", ())}
        outcome = judge.judge(con, sql, reply, theirs, str(output), **how)
        yield sql, check_types(query, reply, outcome)
    tables.drop(con, case["tables"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--refused", action="store_true", help="a refusal is fine")
    parser.add_argument("files", nargs="*", default=[pathlib.Path(__file__).parent / "cases"])
    options = parser.parse_args()
    product, con, kinds = worker.Worker(options.worker, options.timeout), tables.connect(), collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for path in files(options.files):
            case = json.loads(path.read_text())
            for sql, outcome in run(case, con, product, pathlib.Path(folder)):
                kinds[outcome.kind] += 1
                print(
                    f"{outcome.kind:17} {case.get('name') or path.name}"
                    + (f": {outcome.why[:300]}" if outcome.why else "")
                )
                if outcome.kind not in FINE:
                    print(f"    {sql}", flush=True)
    product.close()
    print(", ".join(f"{n} {kind}" for kind, n in kinds.most_common()) or "no cases")
    fine = (*FINE, "refused") if options.refused else FINE
    sys.exit(1 if any(kind not in fine for kind in kinds) else 0)


if __name__ == "__main__":
    main()
