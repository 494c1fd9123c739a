"""What an expression may use (Scope), and what is known of the values of several expressions together (unify).
Used by the other files here; nothing to run.
"""

INT_LIMIT = {
    "i8": 2**7,
    "i16": 2**15,
    "i32": 2**31,
    "i64": 2**63,
    "i128": 2**127,
    "u8": 2**8,
    "u16": 2**16,
    "u32": 2**32,
    "u64": 2**64,
    "lit": 2**31,
}
RANK = ["lit", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "i128"]
INT_NAME = {"i8": "TINYINT", "i16": "SMALLINT", "i32": "INTEGER", "i64": "BIGINT"}
INT_DIGITS = {"i8": 3, "i16": 5, "i32": 10, "i64": 19, "u8": 3, "u16": 5, "u32": 10, "u64": 20, "i128": 38, "lit": 10}
FAMILIES = ("int", "int", "int", "dec", "dec", "float", "text", "text", "bool", "date", "ts", "tsz")
ORDERED = ("int", "int", "dec", "float", "text", "date", "ts", "bool", "tsz")
NULL_TYPE = {
    "int": "BIGINT",
    "dec": "DECIMAL(10,2)",
    "float": "DOUBLE",
    "text": "VARCHAR",
    "bool": "BOOLEAN",
    "date": "DATE",
    "ts": "TIMESTAMP",
    "tsz": "TIMESTAMPTZ",
}


class Scope:
    """The columns that an expression may use. `key` are columns that are unique together (None: none known), `rows` an
    upper bound of the rows, `outer` the columns of the query around a correlated subquery."""

    def __init__(self, cols, key=None, rows=1, outer=(), subqueries=True):
        self.cols, self.key, self.rows, self.outer, self.subqueries = cols, key, rows, list(outer), subqueries

    def plus(self, cols):
        return Scope(self.cols + cols, self.key, self.rows, self.outer, self.subqueries)

    def flat(self):
        """The same without subqueries."""
        return Scope(self.cols, self.key, self.rows, self.outer, False)


def q(text):
    return "'" + text.replace("'", "''") + "'"


def digits_of(bound):
    return len(str(int(bound)))


def joined(items):
    """Items with commas between."""
    out = []
    for item in items:
        out += [item, ", "]
    return out[:-1]


def unify(es):
    """What is known of a value that is one of several expressions of a family, or None if DuckDB may refuse the mixture."""
    t = es[0].t
    known = dict(wild=any(e.wild for e in es), rough=max(e.rough for e in es))
    bounds = [e.bound for e in es]
    known["bound"] = None if None in bounds else max(bounds)
    if t == "int":
        ducks = {e.duck for e in es}
        duck = max(ducks, key=RANK.index)
        signed = any(d[0] == "i" for d in ducks)
        if duck[0] == "u" and signed:
            duck = {"u8": "i16", "u16": "i32", "u32": "i64", "u64": "i128"}[duck]
        if duck == "u64" and len(ducks) > 1 or "u64" in ducks and signed:
            return None
        known["duck"] = duck
    if t == "dec":
        known["s"] = max(e.s for e in es)
        known["p"] = min(38, max(e.p - e.s for e in es) + known["s"])
        if max(e.p - e.s for e in es) + known["s"] > 38:
            return None
    if t == "float":
        known["duck"] = "f64" if any(e.duck == "f64" for e in es) else "f32"
        if len({e.duck for e in es}) > 1:
            return None
    return known
