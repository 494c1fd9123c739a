"""Checks the comparison itself: answers that are right or wrong on purpose.

Usage:  python compare_test.py      (the exit code is 1 if one is judged otherwise)
"""

import sys

import compare
import tables

T = "(VALUES (1, 10, 1.5e0, 'a'), (1, 11, 2.5e0, 'b'), (1, 12, 3.5e0, 'c'), (2, 13, 4.5e0, 'd')) AS t(k, id, f, s)"
TIES = f"SELECT k, id FROM {T} ORDER BY k LIMIT 2"
HIDDEN = f"SELECT id, s FROM {T} ORDER BY k LIMIT 2"
BY_EXPRESSION = f"SELECT id, s FROM {T} ORDER BY id % 2 LIMIT 2"
FLOATS = f"SELECT id, f FROM {T} ORDER BY f DESC LIMIT 2 -- the end\n;"
COUNTS = f"SELECT k, count(*) AS n FROM {T} GROUP BY k"
NAN = "SELECT CAST('nan' AS DOUBLE) AS a, CAST('inf' AS DOUBLE) AS b, -0.0e0 AS c"

# (the query, our rows, whether they are a right answer)
CASES = [
    (TIES, [(1, 12), (1, 10)], True),
    (TIES, [(1, 12), (1, 12)], False),  # a row twice
    (TIES, [(1, 10)], False),  # too few
    (TIES, [(2, 13), (1, 10)], False),  # not the least keys
    (TIES, [(1, 10), (1, 99)], False),  # no such row
    (HIDDEN, [(12, "c"), (10, "a")], True),
    (BY_EXPRESSION, [(12, "c"), (10, "a")], True),
    (BY_EXPRESSION, [(12, "c"), (11, "b")], False),
    (FLOATS, [(13, 4.5), (12, 3.5000000000001)], True),
    (FLOATS, [(13, 4.5), (12, 3.500001)], False),
    (FLOATS, [(12, 3.5), (13, 4.5)], False),  # the order
    (COUNTS, [(2, 1), (1, 3)], True),
    (COUNTS, [(2, 1), (1, 3), (1, 3)], False),
    (COUNTS, [(2, 1), (1, None)], False),
    (COUNTS + " ORDER BY n DESC", [(2, 1), (1, 3)], False),
    (COUNTS + " ORDER BY 2 DESC", [(1, 3), (2, 1)], True),
    (NAN, [(float("nan"), float("inf"), 0.0)], True),
    (NAN, [(None, float("inf"), 0.0)], False),
    (NAN, [(float("nan"), -float("inf"), 0.0)], False),
]


def right(con, sql, rows):
    theirs = compare.run(con, sql)
    try:
        compare.compare_limited(con, sql, theirs._replace(rows=rows), theirs)
        return True
    except compare.Difference:
        return False


def main():
    con = tables.connect()
    bad = [(sql, rows) for sql, rows, expected in CASES if right(con, sql, rows) != expected]
    for sql, rows in bad:
        print(f"judged otherwise: {sql}\n    {rows}")
    print(f"{len(CASES) - len(bad)} of {len(CASES)} judged as they should be")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
