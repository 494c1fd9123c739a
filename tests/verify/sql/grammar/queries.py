"""Random queries for fuzz.py whose result both engines must agree on: joins of every kind, grouping and grouping sets,
windows, DISTINCT, set operations, common table expressions, subqueries, VALUES, ORDER BY with LIMIT. Wherever a result
depends on an order (LIMIT, row_number, lag, frames of ROWS, DISTINCT ON) that order is total: it ends with columns that
are unique together. `Queries(rng, tables).query()` makes one; it is `Made`: the tree, the tags of the features in it, the
absolute tolerance of floats (0 unless the last bits of some may differ), and the column names that must agree.

Usage on its own, to look at some:  python -m grammar.queries [SEED [COUNT]]
"""

import collections
import random
import sys

from grammar import data
from grammar.aggregates import Aggregates
from grammar.conditions import Conditions
from grammar.decimals import Decimals
from grammar.groups import Groups
from grammar.integers import Integers
from grammar.leaves import Leaves
from grammar.nodes import E, Items, Node
from grammar.relations import Relations
from grammar.scope import Scope, joined, unify
from grammar.selects import Out, Selects
from grammar.subqueries import Subqueries
from grammar.texts import Texts
from grammar.windows import Windows

Made = collections.namedtuple("Made", "node tags floor named")

ROUGH = 1e-6  # absolute tolerance of results such as stddev, for which near zero 1e-9 relative says nothing


def noise(node):
    return max([getattr(node, "noise", 0.0), *map(noise, node.children())])


class Queries(
    Leaves, Integers, Decimals, Texts, Conditions, Relations, Subqueries, Aggregates, Windows, Selects, Groups
):
    def __init__(self, rng, tables):
        self.rng, self.tables = rng, tables
        self.tags, self.aliases, self.ctes, self.inside, self.hidden = set(), 0, {}, 0, set()

    def alias(self):
        self.aliases += 1
        return f"x{self.aliases}"

    # Set operations

    def set_operation(self, depth, top):
        fams = [self.one("int", "int", "dec", "text", "date", "bool", "float") for _ in range(self.one(1, 2, 2, 3))]
        count = self.rng.choices((2, 3), (7, 3))[0]
        branches = [self.branch(depth - 1, fams) for _ in range(count)]
        ops = [
            self.one(
                "UNION",
                "UNION ALL",
                "UNION",
                "UNION ALL",
                "EXCEPT",
                "EXCEPT ALL",
                "EXCEPT ALL",
                "INTERSECT",
                "INTERSECT ALL",
            )
            for _ in range(count - 1)
        ]
        self.tag(*ops)
        cols = []
        for i, t in enumerate(fams):
            known = unify([b.cols[i] for b in branches])
            if known is None:
                return self.select(depth, top)
            cols.append(E(t, f"c{i + 1}", **known, name=f"c{i + 1}", col=True))
        nodes = [b.node for b in branches]
        if count == 2:
            node = Node(nodes[0], f" {ops[0]} ", nodes[1])
        else:
            self.tag("three set operands")
            form = self.one("none", "left", "right")
            if form != "none":
                self.tag("set operation in parentheses")
            node = {
                "none": Node(nodes[0], f" {ops[0]} ", nodes[1], f" {ops[1]} ", nodes[2]),
                "left": Node("(", nodes[0], f" {ops[0]} ", nodes[1], f") {ops[1]} ", nodes[2]),
                "right": Node(nodes[0], f" {ops[0]} (", nodes[1], f" {ops[1]} ", nodes[2], ")"),
            }[form]
        node.alts = nodes if top else []
        key = list(range(len(fams))) if "ALL" not in " ".join(ops) else None
        tail = self.tail_kind(top, False, None)
        if tail == "scope":
            tail = "none"
        names = [c.name for c in cols]
        node = Node(node, *self.order_limit(tail, cols, names, None))
        return Out(node, cols, key, sum(b.rows for b in branches))

    def branch(self, depth, fams):
        if self.chance(0.08):
            self.tag("VALUES")
            rows = [[self.literal(t) for t in fams] for _ in range(self.one(1, 2, 3))]
            cols = [E(t, f"c{i}", **unify(vs), name=f"c{i}") for i, (t, vs) in enumerate(zip(fams, zip(*rows)), 1)]
            lines = Items([Node("(", *joined(r), ")") for r in rows])
            return Out(
                Node(
                    "SELECT ",
                    ", ".join(f"v{i} AS c{i}" for i in range(1, len(fams) + 1)),
                    " FROM (VALUES ",
                    lines,
                    f") AS {self.alias()}({', '.join(f'v{i}' for i in range(1, len(fams) + 1))})",
                ),
                cols,
                None,
                len(rows),
            )
        out = self.select(max(0, depth), False, fams)
        text = str(out.node)
        return (
            out._replace(node=Node("(", out.node, ")"))
            if " LIMIT " in text or " ORDER BY " in text or self.chance(0.15)
            else out
        )

    # The whole

    def ctes_and_body(self):
        """WITH: one or two queries with names, of which one may hide a table's."""
        parts, made = [], []
        for i in range(self.one(1, 1, 2)):
            name = f"w{i + 1}"
            if self.chance(0.15) and len(self.tables) > 2:
                name = self.rng.choice([t for t in self.tables if t not in self.ctes])
                self.tag("CTE hides a table")
                out = self.hiding(name)
            else:
                out = self.body(1, False)
            self.ctes[name] = out
            form = self.rng.choices(("", "MATERIALIZED ", "NOT MATERIALIZED "), (12, 1, 1))[0]
            if form:
                self.tag("MATERIALIZED")
            made.append(Node(f"{name} AS {form}(", out.node, ")"))
        if self.chance(0.05) and "CTE hides a table" not in self.tags and not any(" ORDER BY " in str(m) for m in made):
            self.tag("WITH RECURSIVE")
            made.append(Node("w9(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM w9 WHERE n < 5)"))
            self.ctes["w9"] = Out(None, [E("int", "n", bound=5, duck="i32", name="n", col=True)], [0], 5)
            parts.append("RECURSIVE ")
        body = self.body(1, True)
        self.tag("CTE")
        return body._replace(node=Node("WITH ", *parts, Items(made), " ", body.node, alts=[body.node]))

    def hiding(self, name):
        """A query for the name of a table: some other one, or the table itself with fewer rows, so that whoever reads the
        table instead finds the same columns."""
        if self.chance(0.5):
            rel = self.table(name)
            where = self.any_bool(Scope(rel.cols, subqueries=False), 1)
            out = [c.like(c.name, name=c.name) for c in rel.cols]
            return Out(Node("SELECT * FROM ", rel.node, " WHERE ", where), out, [0], rel.rows)
        self.hidden = {name}
        out = self.body(1, False)
        self.hidden = set()
        return out

    def limits(self):
        """A query so plain that each row is evaluated: an overflow of int64 must be an error."""
        rel = self.table()
        wild = [c for c in rel.cols if c.t == "int" and c.wild and c.duck == "i64"]
        a = self.rng.choice(wild) if wild else E("int", "9223372036854775807", col=False)
        b = self.rng.choice([c for c in rel.cols if c.t == "int" and c.duck[0] == "i" and not c.wild])
        made = E("int", "(", *self.one((a, " + ", b), (a, " - ", b), (a, " * ", b), (b, " - ", a)), ")", duck="i64")
        self.tag("int64 at its limits")
        items = [rel.cols[0], made]
        return self.finish(
            Node("SELECT id AS c1, ", made, " AS c2 FROM ", rel.node), items, ["c1", "c2"], None, rel.rows
        )

    def query(self):
        kind = self.rng.choices(("body", "with", "limits"), (83, 16, 1))[0]
        out = {"body": lambda: self.body(2, True), "with": self.ctes_and_body, "limits": self.limits}[kind]()
        rough = any(c.t == "float" and c.rough >= 2 for c in out.cols)
        return Made(
            out.node,
            sorted(self.tags),
            max(ROUGH, noise(out.node)) if rough else 0.0,
            sorted({c.name.strip('"') for c in out.cols if c.name}),
        )


def main(seed="0", count="20"):
    rng = random.Random(f"{seed}:tables")
    tables = data.tables(rng)
    for i in range(int(count)):
        print(Queries(random.Random(f"{seed}:{i}"), tables).query().node)


if __name__ == "__main__":
    main(*sys.argv[1:])
