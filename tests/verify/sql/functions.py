"""Every function of SQL through the product's worker, compared with what the reference says and with DuckDB.

Usage:  python functions.py --worker W [--show] [WORDS...]     (words choose the expressions that contain one)

First the examples of the reference (`W functions --json`): the worker's answer must be the one that is printed, and
DuckDB's too unless the reference says how it differs. Then the expressions in functions/*.txt, over columns with NULL,
empty and extreme values, and over no rows; those of aggregates.txt also in groups. A line is an expression, or `ours ==>
DuckDB's`; `! reason` at its end says that the answers differ, and then they must.
The exit code is 1 unless all is as it is written.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import judge

HERE = pathlib.Path(__file__).parent
COLUMNS = [
    ["id", "int64"], ["s", "string"], ["s2", "string"], ["i", "int64"], ["j", "int32"], ["d", "decimal(10,2)"],
    ["f", "float64"], ["g", "float32"], ["dt", "date"], ["dt2", "date"], ["ts", "timestamp"], ["ts2", "timestamp"],
    ["tz", "timestamp_utc"], ["b", "bool"], ["k", "int64"],
]  # fmt: skip
BIG, SMALL = 9223372036854775807, -9223372036854775808
LAST, FIRST = "9999-12-31 23:59:59.999999", "0001-01-01 00:00:00"
ROWS = [
    [1, "hello world", "o", 5, 3, "12.34", 1.5, 2.5, "2024-02-29", "2023-12-31", "2024-02-29 13:45:56.789012",
     "2023-12-31 23:59:59.999999", "2024-02-29 13:45:56.789012+00", True, 2],
    [2, "", "", 0, 0, "0.00", 0.0, 0.0, "1970-01-01", "1970-01-01", "1970-01-01 00:00:00", "1970-01-01 00:00:00",
     "1970-01-01 00:00:00+00", False, 0],
    [3, None, "x", None, None, None, None, None, None, "2024-01-01", None, "2024-01-01 00:00:00", None, None, None],
    [4, "abc", None, -7, 2, "-99.99", -2.5, -0.5, "1969-07-20", None, "1969-07-20 20:17:40.5", None,
     "1969-07-20 20:17:40.5+00", True, -3],
    [5, "Ünïcödé ß ǅ 日本", "ö", BIG, 2147483647, "99999999.99", 1e308, 3.4e38, "9999-12-31", "0001-01-01", LAST, FIRST,
     LAST + "+00", False, 1],
    [6, "a,b,,c", ",", SMALL, -2147483648, "-99999999.99", -1e308, -3.4e38, "0001-01-01", "9999-12-31", FIRST, LAST,
     FIRST + "+00", True, 3],
    [7, "  pad  ", " ", 10, 7, "0.05", "nan", "nan", "2000-12-31", "2001-01-01", "2000-12-31 23:59:59",
     "2001-01-01 00:00:00", "2000-12-31 23:59:59+00", None, 10],
    [8, "aXbXc", "X", -1, -1, "2.50", "inf", "inf", "2021-01-03", "2021-03-31", "2021-01-03 12:00:00.000001",
     "2021-03-31 12:00:00", "2021-01-03 12:00:00.000001+00", True, -1],
    [9, "%_\\.*", ".", 1000000007, 100, "-0.01", "-inf", "-inf", "2020-12-31", "2020-02-29", "2020-12-31 11:59:59.5",
     "2020-02-29 12:00:00", "2020-12-31 11:59:59.5+00", False, 5],
    [10, "e\u0301🇩🇪👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧", 42, 12, "1.15", 0.5, 0.25, "2024-03-31", "2024-02-29",
     "2024-03-31 01:30:00", "2024-02-29 01:30:00", "2024-03-31 01:30:00+00", True, 4],
    [11, "123", "2", 2, 2, "1.25", "-0.0", "-0.0", "1582-10-15", "1900-02-28", "1582-10-15 00:00:00.1",
     "1900-02-28 23:00:00", "1582-10-15 00:00:00.1+00", False, 6],
]  # fmt: skip
PROBED = {"p": {"columns": COLUMNS, "rows": ROWS}, "e": {"columns": COLUMNS, "rows": []}}
SAMPLE = HERE.parents[2] / "core/sql/src/functions/reference/sample.sql"
AGGREGATED = ["SELECT {} AS v FROM p", "SELECT b, {} AS v FROM p GROUP BY b", "SELECT {} AS v FROM e",
              "SELECT {} AS v FROM p WHERE i IS NULL"]  # fmt: skip
WRONG, FAIL = "different answers", "both fail"


class Both(judge.Both):
    """The product and DuckDB over the probed tables and those of the examples."""

    def __init__(self, program, folder):
        super().__init__(program, folder, PROBED, 30, SAMPLE.read_text(), ["t"])

    def ours(self, sql):
        """The reply, and what it says if it has no rows."""
        reply = self.reply(sql)
        return reply, None if "ok" in reply else json.dumps(reply, ensure_ascii=False)

    def both(self, sql, other):
        """None where both say the same, FAIL where both fail, else what differs."""
        reply, refused = self.ours(sql)
        theirs = judge.reference(self.con, other)
        if isinstance(theirs, Exception):
            if judge.died(reply):
                return f"{WRONG}: {refused}"
            return FAIL if refused else f"only ours answers: {str(theirs).splitlines()[0]}"
        if refused:
            return f"only DuckDB answers {theirs.rows[:1]}: {refused[:200]}"
        found = self.difference(reply, other)
        return found and f"{WRONG}: {found}"

    def printed(self, relation):
        """The rows of a relation as the reference prints them."""
        width = len(self.con.execute(f"SELECT * FROM ({relation}) LIMIT 0").description)
        names = [f"c{n}" for n in range(width)]
        items = ", ".join(f"CAST({n} AS VARCHAR)" for n in names)
        rows = self.con.execute(f"SELECT {items} FROM ({relation}) q({', '.join(names)})").fetchall()
        return "; ".join(", ".join("NULL" if v is None else v for v in row) for row in rows)


def examples(both):
    """(example, what is not as the reference says or None), one for each function."""
    about = json.loads(subprocess.run([both.program, "functions", "--json"], check=True, capture_output=True).stdout)
    seen = set()
    for function in about["functions"]:
        said = function.get("about")
        if not said or said["example"] in seen:
            continue
        seen.add(said["example"])
        _, refused = both.ours(said["example"])
        gives = refused or both.printed(f"SELECT * FROM read_parquet('{both.output}')")
        if gives != said["result"]:
            yield said["example"], f"the reference says {said['result']}, the worker {gives}"
            continue
        difference = both.both(said["example"], said["example"])
        if bool(difference) != bool(said.get("differs")):
            yield said["example"], difference or "DuckDB agrees, but the reference says that it differs"
        else:
            yield said["example"], None


def expressions():
    """(expression, DuckDB's, the reason why they differ or "", whether it is an aggregate)."""
    for path in sorted((HERE / "functions").glob("*.txt")):
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                line, _, reason = line.partition(" ! ")
                ours, _, theirs = line.partition(" ==> ")
                yield ours.strip(), theirs.strip() or ours.strip(), reason, path.stem == "aggregates"


def probed(both, ours, theirs, aggregate):
    """What differs in one expression; where a value makes a side fail, each row is asked for by itself."""
    ask = lambda template: both.both(template.format(ours), template.format(theirs))
    if aggregate:
        return next((found for found in map(ask, AGGREGATED) if found not in (None, FAIL)), None)
    found = ask("SELECT id, {} AS v FROM p")
    alone = not re.search(r"(?i)\bover\b", ours)
    if found and not found.startswith(WRONG) and alone:
        each = [ask(f"SELECT id, {{}} AS v FROM p WHERE id = {row[0]}") for row in ROWS]
        found = next((f for f in each if f not in (None, FAIL)), None)
        if all(f == FAIL for f in each):
            return None  # a constant that is an error: over no rows too
    empty = ask("SELECT id, {} AS v FROM e")
    return next((f for f in (found, empty) if f not in (None, FAIL)), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--show", action="store_true", help="print what is as it is written, too")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    chosen = lambda text: not options.words or any(word in text for word in options.words)
    faults = count = 0
    with tempfile.TemporaryDirectory() as folder:
        both = Both(options.worker, folder)
        results = list(examples(both)) if not options.words else []
        for ours, theirs, reason, aggregate in filter(lambda e: chosen(e[0]), expressions()):
            found = probed(both, ours, theirs, aggregate)
            if reason:
                found = None if found else f"both agree, but the line says: {reason}"
            results.append((ours, found))
        both.product.close()
    for text, fault in results:
        count, faults = count + 1, faults + bool(fault)
        if fault or options.show:
            print(f"{'FAULT' if fault else 'right':6}{text}" + (f"\n      {fault}" if fault else ""))
    print(f"{count} examples and expressions, {faults} not as written")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
