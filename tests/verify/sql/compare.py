"""Compares two results of one query: the product's Parquet file and DuckDB's answer.

Rows are multisets. The number of columns and their kinds must agree (integer, decimal, float, text, bool, date,
timestamp, timestamp_utc); numbers of unlike kinds are compared by value and noted, except that an unsigned integer for a
signed one is an error. Integers and decimals are compared
exactly, floats to 1e-9 relative (NaN is NaN, -0.0 is 0.0), likewise a float with a decimal or an integer. If the query
has an ORDER BY of its own, the sequence of its keys must agree too, as far as they are in the output.

Usage on its own:  python compare.py A.parquet B.parquet ["SELECT ... the query, for its ORDER BY"]
"""

import collections
import decimal
import math
import re
import sys

import differences
import tables

RELATIVE = 1e-9
NUMBERS = ("integer", "unsigned", "decimal", "float")
ZONED = "TIMESTAMP WITH TIME ZONE"
Result = collections.namedtuple("Result", "names kinds rows scales")
decimal.getcontext().prec = 80  # DECIMAL(38) and HUGEINT are never rounded here


class Difference(Exception):
    """What differs, in a line; `missing` rows are only DuckDB's and `unexpected` ones only ours."""

    def __init__(self, what, missing=(), unexpected=()):
        super().__init__(what)
        self.what, self.missing, self.unexpected = what, list(missing)[:3], list(unexpected)[:3]

    def __str__(self):
        parts = [self.what]
        parts += [f"only duckdb {show(row)}" for row in self.missing] + [
            f"only ours {show(row)}" for row in self.unexpected
        ]
        return "; ".join(parts)


def show(row):
    return "(" + ", ".join("NULL" if v is None else repr(v) if isinstance(v, str) else str(v) for v in row) + ")"


# Reading


def kind_of(duck):
    duck = str(duck).strip('"')
    if duck.endswith("INT") or duck.endswith("INTEGER"):
        return "unsigned" if duck.startswith("U") else "integer"
    if duck.startswith("DECIMAL"):
        return "decimal"
    known = {"FLOAT": "float", "DOUBLE": "float", "VARCHAR": "text", "BOOLEAN": "bool", "DATE": "date", "NULL": "null"}
    known |= {"TIMESTAMP": "timestamp", ZONED: "timestamp_utc"}  # microseconds; other units are kinds of their own
    return known.get(duck) or duck.lower()


def run(con, sql):
    """DuckDB's answer. Values with a time zone become microseconds, for Python's client wants another package for them."""
    cursor = con.execute(sql)
    types = [str(d[1]) for d in cursor.description]
    names = [d[0] for d in cursor.description]
    if ZONED in types or "TIMESTAMPTZ_NS" in types:
        other = {ZONED: "epoch_us(#{})", "TIMESTAMPTZ_NS": "CAST(#{} AS VARCHAR)"}
        items = (other.get(t, "#{}").format(i) for i, t in enumerate(types, 1))
        cursor = con.execute(f"SELECT {', '.join(items)} FROM ({bare(sql)}\n)")
    return Result(names, [kind_of(t) for t in types], cursor.fetchall(), [full_scale(t) for t in types])


def full_scale(duck):
    """The scale of a decimal with all 38 digits, which could not be wider; None of any other type."""
    found = re.fullmatch(r"DECIMAL\(38,\s*(\d+)\)", duck)
    return int(found.group(1)) if found else None


def read(con, path):
    return run(con, f"SELECT * FROM read_parquet('{path}', hive_partitioning=false)")


# The end of a query: ORDER BY, LIMIT

Tail = collections.namedtuple("Tail", "keys limited unlimited")
TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[A-Za-z_][A-Za-z0-9_]*|\d+\.?\d*|\S|\s+", re.S
)


def bare(sql):
    return sql.strip().rstrip(";").strip()


def tail(sql):
    """The query's own ORDER BY as texts of its keys (without ASC, DESC, NULLS ...), whether it has a LIMIT, OFFSET or
    FETCH, and its text without that."""
    sql = bare(sql)
    depth, marks, commas = 0, {}, []
    word_before, order_start = "", 0
    for match in TOKEN.finditer(sql):
        text = match.group()
        if text.isspace() or text.startswith(("--", "/*")):
            continue
        word = text.lower()
        depth += (text in "([") - (text in ")]") if len(text) == 1 else 0
        if depth == 0:
            if word == "by" and word_before == "order":
                marks = {"order": (order_start, match.end())}
                commas = []
            elif word in ("limit", "offset", "fetch") and "end" not in marks:
                marks["end"] = match.start()
            elif word in ("union", "except", "intersect", "select", "values"):
                marks, commas = {}, []
            elif text == "," and "order" in marks and "end" not in marks:
                commas.append(match.start())
        if word == "order":
            order_start = match.start()
        word_before = word
    end = marks.get("end", len(sql))
    keys = []
    if "order" in marks:
        starts = [marks["order"][1], *[c + 1 for c in commas]]
        for start, stop in zip(starts, [*commas, end]):
            key = re.sub(r"(?i)\s+nulls\s+(first|last)\s*$", "", sql[start:stop].strip())
            keys.append(re.sub(r"(?i)\s+(asc|desc)\s*$", "", key).strip())
    return Tail(keys, "end" in marks, sql[:end])


def key_columns(keys, names):
    """The columns of the output that the leading keys are; the first key that is none of them ends the list."""
    lower = [n.lower() for n in names]
    columns = []
    for key in keys:
        name = key.split(".")[-1].strip('"').lower()
        if key.isdigit() and 0 < int(key) <= len(names):
            columns.append(int(key) - 1)
        elif key.lower() == "all" and len(keys) == 1:
            return list(range(len(names)))
        elif re.fullmatch(r'[\w.]+|"[^"]+"', key) and lower.count(name) == 1:
            columns.append(lower.index(name))
        else:
            break
    return columns


# Comparing


def compare(ours, theirs, sql="", floor=1e-9, named=()):
    """Raises Difference or returns notes: pairs of number kinds that differ. `floor` is the absolute tolerance of floats
    next to the relative one, `named` are names of DuckDB's columns that ours must have too."""
    if len(ours.names) != len(theirs.names):
        raise Difference(f"{len(ours.names)} columns {ours.names} for {len(theirs.names)} {theirs.names}")
    for i, (mine, yours) in enumerate(zip(ours.names, theirs.names)):
        if yours in named and mine.lower() != yours.lower():
            raise Difference(f"column {i + 1} is named {mine!r} for {yours!r}")
    notes = compare_kinds(ours, theirs)
    floor = floors(ours, theirs, floor)
    ours = shortened(ours, theirs)
    compare_rows(ours.rows, theirs.rows, floor)
    columns = key_columns(tail(sql).keys, theirs.names) if sql else []
    compare_order(ours.rows, theirs.rows, columns, floor)
    return notes


def shortened(ours, theirs):
    """Ours with the digits that DuckDB has left: differences.WIDE_DECIMALS."""
    cut = {}
    for i, (mine, yours) in enumerate(zip(ours.scales, theirs.scales)):
        if mine is not None and yours is not None and mine > yours:
            cut[i] = decimal.Decimal(1).scaleb(-yours)
    if not cut:
        return ours

    def value(i, v):
        return v if v is None or i not in cut else v.quantize(cut[i], rounding=decimal.ROUND_HALF_UP)

    return ours._replace(rows=[tuple(value(i, v) for i, v in enumerate(row)) for row in ours.rows])


def floors(ours, theirs, floor=1e-9):
    """{column: absolute tolerance} of the columns that are a float on either side."""
    return {i: floor for i, kinds in enumerate(zip(ours.kinds, theirs.kinds)) if "float" in kinds}


def compare_kinds(ours, theirs):
    notes = []
    for i, (mine, yours) in enumerate(zip(ours.kinds, theirs.kinds)):
        if mine == yours:
            continue
        only_null = all(row[i] is None for row in ours.rows) and all(row[i] is None for row in theirs.rows)
        allowed = (yours, mine) in differences.KINDS or (yours in NUMBERS and mine in NUMBERS and mine != "unsigned")
        if not allowed and not (only_null and "null" in (mine, yours)):
            raise Difference(f"column {i + 1} {theirs.names[i]!r} is {mine} for {yours}")
        notes.append(f"{yours} → {mine}")
    return notes


def compare_rows(ours, theirs, floor):
    left, right = collections.Counter(map(plain, ours)), collections.Counter(map(plain, theirs))
    if left == right:
        return
    unexpected, missing = list((left - right).elements()), list((right - left).elements())
    if floor:
        unexpected, missing = match_nearly(unexpected, missing, floor)
    if unexpected or missing:
        counts = f"{len(ours)} rows for {len(theirs)}, " if len(ours) != len(theirs) else ""
        raise Difference(f"{counts}{len(missing)} missing, {len(unexpected)} unexpected", missing, unexpected)


def plain(row):
    """A row that hashes: NaN equals itself and zero has no sign."""
    return tuple(
        ["nan" if v != v else v + 0.0 if isinstance(v, float) else tuple(v) if isinstance(v, list) else v for v in row]
    )


def match_nearly(ours, theirs, floor):
    """Takes out the pairs of rows whose floats are near and whose other values are equal; the rest comes back."""
    groups = collections.defaultdict(lambda: ([], []))
    for side, rows in enumerate((ours, theirs)):
        for row in rows:
            rest = tuple(v for i, v in enumerate(row) if i not in floor)
            groups[rest][side].append(row)
    left, right = [], []
    for mine, yours in groups.values():
        order = lambda row: [rank(row[i]) for i in floor]
        mine.sort(key=order)
        yours.sort(key=order)
        if len(mine) == len(yours) and all(near_rows(a, b, floor) for a, b in zip(mine, yours)):
            continue
        for row in mine:
            at = next((j for j, other in enumerate(yours) if near_rows(row, other, floor)), None)
            if at is None:
                left.append(row)
            else:
                del yours[at]
        right += yours
    return left, right


def rank(value):
    return (0, 0.0) if value is None else (2, 0.0) if value == "nan" else (1, number(value))


def number(value):
    """As a float, where integers and decimals past its range are infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def near_rows(a, b, floor):
    return all(near(a[i], b[i], least) for i, least in floor.items())


def near(a, b, floor=0.0):
    if a == b or (a != a and b != b):
        return True
    if a is None or b is None or isinstance(a, str) or isinstance(b, str):
        return False
    a, b = number(a), number(b)
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= max(RELATIVE * max(abs(a), abs(b)), floor)


def compare_order(ours, theirs, columns, floor):
    if not columns:
        return
    for at, (mine, yours) in enumerate(zip(map(plain, ours), map(plain, theirs))):
        for i in columns:
            if mine[i] != yours[i] and not (i in floor and near(mine[i], yours[i], floor[i])):
                key = lambda row: [row[c] for c in columns]
                raise Difference(f"order: the keys of row {at + 1} are {show(key(mine))} for {show(key(yours))}")


def is_part(ours, all_theirs, limited):
    """For a LIMIT among ties: every row of ours is one of the unlimited answer's, and there are as many as DuckDB gave."""
    if len(ours.rows) != len(limited.rows):
        raise Difference(f"{len(ours.rows)} rows for {len(limited.rows)}")
    compare_kinds(ours, limited)
    floor = floors(ours, limited)
    left, right = collections.Counter(map(plain, ours.rows)), collections.Counter(map(plain, all_theirs.rows))
    unexpected, _ = match_nearly(list((left - right).elements()), list((right - left).elements()), floor)
    if unexpected:
        raise Difference(f"{len(unexpected)} rows that the query without its LIMIT does not have", [], unexpected)


def compare_limited(con, sql, ours, theirs):
    """Compares; where that fails and the query has a LIMIT, another choice among ties is right as well."""
    try:
        return compare(ours, theirs, sql)
    except Difference:
        end = tail(sql)
        if not end.limited or len(ours.names) != len(theirs.names):
            raise
        is_part(ours, run(con, end.unlimited), theirs)
        floor = floors(ours, theirs)
        compare_order(ours.rows, theirs.rows, key_columns(end.keys, theirs.names), floor)
        compare_other_keys(con, end.keys, ours, theirs)
        return []


def compare_other_keys(con, keys, ours, theirs):
    """The multisets of all sort keys, also those that are expressions over the output; a key that is not in the output
    ends the list."""
    rows = [[], []]
    for side, result in enumerate((ours, theirs)):
        names = ", ".join(f'"{n}"' for n in result.names)
        fill(con, result)
        for count in range(len(keys), 0, -1):
            try:
                items = ", ".join(f"#{k}" if k.isdigit() else k for k in keys[:count])
                rows[side] = con.execute(f"SELECT {items} FROM output_rows AS output({names})").fetchall()
                break
            except Exception:  # DuckDB's own classes are many; a key that is not in the output is why
                continue
        con.execute("DROP TABLE output_rows")
    if rows[0] and rows[1] and len(rows[0][0]) == len(rows[1][0]):
        width = range(len(rows[0][0]))
        try:
            compare_rows(rows[0], rows[1], {i: 1e-9 for i in width})
        except Difference as e:
            raise Difference(f"sort keys: {e.what}", e.missing, e.unexpected) from None


def fill(con, result):
    """A table `output_rows` of a result's rows, typed as the result is."""
    types = {
        "integer": "HUGEINT",
        "unsigned": "HUGEINT",
        "decimal": "DECIMAL(38,6)",
        "float": "DOUBLE",
        "text": "VARCHAR",
        "bool": "BOOLEAN",
        "date": "DATE",
        "timestamp": "TIMESTAMP",
    }
    columns = ", ".join(f"c{i} {types.get(k, 'VARCHAR')}" for i, k in enumerate(result.kinds))
    con.execute(f"CREATE OR REPLACE TEMP TABLE output_rows ({columns})")
    if result.rows:
        marks = ", ".join("?" * len(result.names))
        con.executemany(f"INSERT INTO output_rows VALUES ({marks})", result.rows)


def main(a, b, sql=""):
    con = tables.connect()
    try:
        notes = compare_limited(con, sql, read(con, a), read(con, b)) if sql else compare(read(con, a), read(con, b))
    except Difference as e:
        sys.exit(f"they differ: {e}")
    print("they agree", *sorted(set(notes)))


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) in (3, 4) else sys.exit(__doc__)
