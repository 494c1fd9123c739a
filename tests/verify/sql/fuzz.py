"""Random queries through the product's worker, compared with DuckDB.

Usage:  python fuzz.py --worker W [--count 500] [--seed 1] [--jobs 1] [--keep DIR] [--timeout 10] [--show KIND]

The same seed gives the same tables and queries, whatever --jobs is. Each query comes out as one of
  agree                 the results are equal (compare.py)
  refused               planning said no; counted by its message
  both fail             a run-time error in both, such as an overflow
  known difference      one of them fails for a reason of differences.py
  ours fails            only ours fails, and differences.py does not know why
  theirs fails          only DuckDB fails, and differences.py does not know why
  skipped               DuckDB refuses the query: the generator's fault
  timeout               no answer in time
  UNCLEAR               refused, but without a place, a plain reason or a way out
  WRONG, PANIC          another result than DuckDB's; a panic or crash
Of the last two lines each is made smaller (shrink.py) and written to DIR as a case for replay.py. At
the end there are tables of the counts. The exit code is 1 if anything was WRONG, UNCLEAR or a PANIC (or a crash).
--show KIND prints the queries of an outcome, for example --show "ours fails".
"""

import argparse
import collections
import hashlib
import multiprocessing
import pathlib
import random
import re
import sys
import tempfile
import time

import compare
import judge
import shrink
import tables
import worker
from grammar import data, queries

GROUP = 50  # queries over one set of tables


def abstract(message):
    """A message without names, literals and numbers, to count by."""
    message = re.sub(r"`[^`]*`|'[^']*'|\"[^\"]*\"", "…", message.split("\n")[0])
    return re.sub(r"\b[xwt]\d+(\.\w+)?\b|\bc\d+\b", "…", re.sub(r"-?\b\d[\d.]*\b", "N", message))[:140]


class Share:
    """One job's part of the run: every `jobs`-th group of queries."""

    def __init__(self, options, job):
        self.options, self.job = options, job
        self.worker = worker.Worker(options.worker, options.timeout)
        self.con = tables.connect()
        self.kinds, self.why, self.tags, self.notes = (collections.Counter() for _ in range(4))
        self.shrunk = self.checks = 0
        self.shapes = {}

    def run(self):
        with tempfile.TemporaryDirectory() as folder:
            self.folder = pathlib.Path(folder)
            try:
                for group in range(self.job, (self.options.count + GROUP - 1) // GROUP, self.options.jobs):
                    self.group(group)
            finally:
                self.worker.close()
        return self.kinds, self.why, self.tags, self.notes, self.shapes, self.worker.starts

    def group(self, group):
        seed = self.options.seed
        held = data.tables(random.Random(f"{seed}:{group}:tables"))
        tables.load(self.con, held)
        sources = tables.write(self.con, held, self.folder)
        numbers = range(group * GROUP, min(self.options.count, (group + 1) * GROUP))
        made = [queries.Queries(random.Random(f"{seed}:{i}"), held).query() for i in numbers]
        left = [(i, m) for i, m in zip(numbers, made) if not set(m.tags) & self.options.without]
        self.kinds["left out (--without)"] += len(made) - len(left)
        numbers, made = [i for i, _ in left], [m for _, m in left]
        outputs = [str(self.folder / f"out{i % GROUP}.parquet") for i in numbers]
        requests = [{"sql": str(m.node), "tables": sources, "output": o} for m, o in zip(made, outputs)]
        found = []
        replies = self.worker.replies(requests)
        for number, m, output, request in zip(numbers, made, outputs, requests):
            theirs = judge.reference(self.con, request["sql"])
            reply = next(replies)
            outcome = self.judged(m, request["sql"], reply, theirs, output)
            pathlib.Path(output).unlink(missing_ok=True)
            self.count(number, m, outcome)
            if outcome.kind in judge.BAD:
                found.append((number, m, outcome))
        for number, m, outcome in found:
            self.bad(number, m, held, outcome)

    def judged(self, m, sql, reply, theirs, output):
        return judge.judge(self.con, sql, reply, theirs, output, floor=m.floor, named=m.named)

    def count(self, number, m, outcome):
        self.kinds[outcome.kind] += 1
        if outcome.kind not in ("agree", "WRONG"):
            self.why[outcome.kind, abstract(outcome.why)] += 1
        for tag in m.tags:
            self.tags[tag, outcome.kind] += 1
        self.notes.update(set(outcome.notes))
        if outcome.kind == self.options.show:
            print(f"{self.options.seed}:{number} {outcome.why[:300]}\n    {m.node}", flush=True)

    def bad(self, number, m, held, outcome):
        """Shrinks a failure, says it and keeps it."""
        sql, small = str(m.node), held
        if self.shrunk < self.options.shrink:
            self.shrunk += 1
            sql, small = shrink.Shrinker(m.node, held, lambda s, t: self.again(s, t, m).kind == outcome.kind).run()
            again = self.again(sql, small, m)
            # What fails now and then only is as bad, and is kept as it was.
            if again.kind == outcome.kind:
                outcome = again
            else:
                outcome = outcome._replace(why=f"not every time: {outcome.why}")
        shape = shape_of(sql)
        self.shapes.setdefault(shape, []).append(number)
        print(f"{outcome.kind} {self.options.seed}:{number} {outcome.why[:400]}\n    {sql}", flush=True)
        if self.options.keep:
            keep(pathlib.Path(self.options.keep), self.options.seed, number, m, small, sql, outcome)

    def again(self, sql, held, m):
        """The outcome of another query, over other tables."""
        tables.load(self.con, held)
        sources = tables.write(self.con, held, self.folder)
        output = str(self.folder / "again.parquet")
        theirs = judge.reference(self.con, sql, 2)
        if isinstance(theirs, judge.REFUSALS):
            return judge.Outcome("skipped", str(theirs), None, theirs, ())
        reply = self.worker.ask({"sql": sql, "tables": sources, "output": output})
        outcome = self.judged(m, sql, reply, theirs, output)
        pathlib.Path(output).unlink(missing_ok=True)
        return outcome


def shape_of(sql):
    """A query without its names and literals: to see how many kinds of failure there are."""
    text = re.sub(r"'(?:[^']|'')*'", "…", sql)
    return re.sub(
        r"\b\d[\d.e]*\b",
        "N",
        re.sub(r"\b(x\d+\.)?([a-d]_\w+|k|id|c\d+)\b", "c", re.sub(r"\b(t\d|x\d+|AS x\d+)\b(?!\.)", "t", text)),
    )


def plain_result(result):
    """A result, reply or exception as JSON."""
    if isinstance(result, compare.Result):
        rows = [
            [v if v is None or isinstance(v, (bool, int, str)) else str(v) for v in row] for row in result.rows[:100]
        ]
        return {"columns": [list(c) for c in zip(result.names, result.kinds)], "rows": rows}
    return result if isinstance(result, dict) else str(result)


def keep(folder, seed, number, m, held, sql, outcome):
    folder.mkdir(parents=True, exist_ok=True)
    case = {
        "seed": f"{seed}:{number}",
        "kind": outcome.kind,
        "why": outcome.why,
        "features": m.tags,
        "floor": m.floor,
        "named": m.named,
        "tables": held,
        "sql": sql,
        "ours": plain_result(outcome.ours),
        "duckdb": plain_result(outcome.theirs),
    }
    name = hashlib.sha256(shape_of(sql).encode()).hexdigest()[:8]
    path = folder / f"{outcome.kind.lower()}-{name}-{seed}-{number}.json"
    path.write_text(tables.dump(case))


def share(arguments):
    return Share(*arguments).run()


def summary(options, kinds, why, tags, notes, shapes, starts, seconds):
    print(
        f"\n{sum(kinds.values())} queries of seed {options.seed} in {seconds:.1f} s ({sum(kinds.values()) / seconds:.0f}/s), "
        f"{starts} starts of the worker"
    )
    for kind, count in (+kinds).most_common():
        print(f"{count:7} {kind}")
    for kind in ("refused", "ours fails", "theirs fails", "known difference", "both fail", "skipped", "PANIC"):
        lines = [(n, text) for (k, text), n in why.most_common() if k == kind]
        if lines:
            print(f"\n{kind}, by message")
            print("\n".join(f"{n:7} {text}" for n, text in lines[: options.lines]))
    if notes:
        print("\nqueries with a column whose kind of number differs (DuckDB's → ours)")
        print("\n".join(f"{n:7} {text}" for text, n in notes.most_common()))
    print("\nfeature                              queries   agree refused   WRONG")
    features = collections.Counter()
    for (tag, _), n in tags.items():
        features[tag] += n
    for tag, n in features.most_common(None if options.features else 0):
        print(
            f"{tag:36} {n:7} {tags[tag, 'agree']:7} {tags[tag, 'refused']:7} {tags[tag, 'WRONG'] + tags[tag, 'PANIC']:7}"
        )
    if not options.features:
        print("(--features lists them)")
    if shapes:
        print(f"\n{len(shapes)} shapes of failures")
        for shape, numbers in sorted(shapes.items(), key=lambda s: -len(s[1]))[: options.lines]:
            print(f"{len(numbers):7} {shape[:200]}   ({options.seed}:{numbers[0]})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", help="folder for the failures as cases")
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--shrink", type=int, default=25, help="failures a job makes smaller (12 s each at most)")
    parser.add_argument("--show", help="print the queries of this outcome")
    parser.add_argument("--without", default="", help="features whose queries are left out, with commas between")
    parser.add_argument("--features", action="store_true", help="print the table of features")
    parser.add_argument("--lines", type=int, default=30, help="lines of each table")
    options = parser.parse_args()
    options.without = set(filter(None, options.without.split(",")))
    start = time.monotonic()
    if options.jobs == 1:
        parts = [share((options, 0))]
    else:
        with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
            parts = pool.map(share, [(options, job) for job in range(options.jobs)])
    kinds, why, tags, notes = (sum((p[i] for p in parts), collections.Counter()) for i in range(4))
    shapes = collections.defaultdict(list)
    for part in parts:
        for shape, numbers in part[4].items():
            shapes[shape] += numbers
    summary(options, kinds, why, tags, notes, shapes, sum(p[5] for p in parts), time.monotonic() - start)
    sys.exit(1 if any(kinds[k] for k in judge.BAD) else 0)


if __name__ == "__main__":
    main()
