"""What users of other engines write, through the product's worker: every query of constructs/*.txt is either right,
equal to DuckDB's answer, or refused; and every refusal has a place in the query, a reason and a way out.

Usage:  python constructs.py --worker W [--show] [--learn] [WORDS...]     (words choose the queries that contain one)

A line is a query, or `ours ==> DuckDB's` where DuckDB writes it in another way. ` ! ` and a part of the message stand
behind a query that is refused, ` !! ` behind one that fails when it runs, and ` != ` with a reason behind one that
differs from DuckDB by intent. --learn writes what happens into the lines, to be read by a person before it is kept.
The exit code is 1 unless all is as it is written.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import judge

HERE = pathlib.Path(__file__).parent
COLUMNS = [["k", "int64"], ["n", "int32"], ["s", "string"], ["d", "date"], ["ts", "timestamp"], ["x", "decimal(10,2)"],
           ["f", "float64"], ["b", "bool"]]  # fmt: skip
TABLES = {
    "t": {"columns": COLUMNS, "rows": [
        [1, 1, "a", "2024-01-31", "2024-01-31 10:00:00", "1.50", 0.1, True],
        [2, 1, "ab", "2024-02-29", "2024-02-29 23:59:59.5", "2.25", 0.7, False],
        [3, 2, None, "2024-02-29", "2024-03-01 00:00:00", "-1.00", -2.5, None],
        [4, None, "B", None, None, None, 1e300, True],
        [None, 2, "a,b", "2023-12-31", "2023-12-31 00:00:00", "0.00", None, False],
        [6, 3, "", "2024-03-01", "2024-03-01 01:00:00", "10.00", 3.3, None],
    ]},
    "u": {"columns": COLUMNS, "rows": [
        [1, 2, "a", "2024-01-30", "2024-01-31 09:00:00", "1.00", 0.5, True],
        [1, 1, "x", "2024-01-31", "2024-01-30 10:00:00", "2.00", 1.5, False],
        [3, None, "y", "2024-02-28", None, "3.00", 2.5, True],
        [None, 3, None, None, "2024-02-01 00:00:00", None, None, None],
        [9, 1, "z", "2025-01-01", "2025-01-01 00:00:00", "4.00", -0.5, False],
    ]},
    "w": {"columns": [["k", "int64"], ["label", "string"]], "rows": [[1, "one"], [3, "three"], [7, None], [None, "none"]]},
}  # fmt: skip

MARKS = (" != ", " !! ", " ! ")


class Line:
    """A line of a file: the query, DuckDB's text of it, and what is expected."""

    def __init__(self, path, text):
        self.path, self.text, self.mark, self.expected = path, text, "", ""
        for mark in MARKS:
            head, found, tail = text.rpartition(mark)
            if found:
                text, self.mark, self.expected = head, mark, tail.strip()
                break
        ours, _, theirs = text.partition(" ==> ")
        self.written, self.ours, self.theirs = text, ours.strip(), theirs.strip() or ours.strip()


def lines(path):
    return [Line(path, text) for text in path.read_text().splitlines() if text and not text.startswith("#")]


def outcome(both, line):
    """The mark that belongs behind the line, what is said, and what is wrong with how it is said."""
    reply = both.reply(line.ours)
    if "refused" in reply:
        refused = reply["refused"]
        place = f"{refused.get('line')}:{refused.get('column')}"
        said = f"{refused['message']}" + (f" ({refused['hint']})" if refused.get("hint") else "")
        unclear = judge.unclear(line.ours, refused)
        return " ! ", said, unclear and f"{unclear}: {place} {said}"
    if "failed" in reply:
        message = reply["failed"]["message"]
        found = judge.internal(message)
        return " !! ", message, found and f"it leaks `{found}`: {message}"
    if "ok" not in reply:
        return " PANIC ", json.dumps(reply), "a panic"
    found = both.difference(reply, line.theirs, limited=True)
    return (" != ", found.splitlines()[0], None) if found else ("", "", None)


def fault(line, mark, said, shape):
    """What is not as it is written."""
    if shape:
        return shape
    if mark != line.mark:
        return f"{mark.strip() or 'right'} for {line.mark.strip() or 'right'}: {said}"
    if mark != " != " and line.expected not in said:
        return f"it says: {said}"
    return None


def learned(path, outcomes):
    """The file with what happened behind each line."""
    new = []
    for text in path.read_text().splitlines():
        mark, said, _ = outcomes.get(text, (None, "", None))
        line = Line(path, text)
        keeps = mark is None or (mark == line.mark and (not mark or (line.expected and line.expected in said)))
        new.append(text if keeps or mark == " PANIC " else f"{line.written}{mark}{said}".rstrip())
    path.write_text("\n".join(new) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--show", action="store_true", help="print what is as it is written, too")
    parser.add_argument("--learn", action="store_true", help="write what happens into the files")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    count = faults = refusals = 0
    with tempfile.TemporaryDirectory() as folder:
        both = judge.Both(options.worker, folder, TABLES, 60)
        for path in sorted((HERE / "constructs").glob("*.txt")):
            outcomes = {}
            for line in lines(path):
                if options.words and not any(word in line.text for word in options.words):
                    continue
                outcomes[line.text] = mark, said, shaped = outcome(both, line)
                wrong = fault(line, mark, said, shaped)
                count, faults, refusals = count + 1, faults + bool(wrong), refusals + (mark == " ! ")
                if wrong or options.show:
                    print(f"{'FAULT' if wrong else mark.strip() or 'right':6}{line.ours}\n      {wrong or said}", flush=True)
            if options.learn:
                learned(path, outcomes)
        both.product.close()
    print(f"{count} queries, {refusals} refused, {faults} not as written")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
