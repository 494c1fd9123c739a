"""FROM: tables, derived tables, VALUES and joins of every kind.
Used by queries.py; nothing to run.
"""

import collections

from grammar import data
from grammar.nodes import E, Items, Node
from grammar.scope import Scope, joined, unify

MANY = 4000  # pairs of rows from which on a join must have an equality
Rel = collections.namedtuple("Rel", "node cols key rows")


def base_column(alias, name, type_name):
    """A column of a table as an expression."""
    known = dict(name=name, far=f"{alias}.{name}", col=True)
    text = f"{alias}.{name}"
    bound, wild = {"id": (300, False), "k": (6, False)}.get(name) or data.POOL[name.split("_", 1)[1]][2:]
    if "int" in type_name:
        return E("int", text, duck=type_name.replace("uint", "u").replace("int", "i"), bound=bound, wild=wild, **known)
    if type_name.startswith("float"):
        return E("float", text, duck=type_name.replace("float", "f"), bound=bound, wild=wild, rough=int(wild), **known)
    if type_name.startswith("decimal"):
        p, s = map(int, type_name[8:-1].split(","))
        return E("dec", text, p=p, s=s, bound=bound, wild=wild, **known)
    t = {"string": "text", "timestamp": "ts", "timestamp_utc": "tsz"}.get(type_name, type_name)
    return E(t, text, wild=wild, **known)


class Relations:
    def factor(self, depth):
        """One relation: a table, a common table expression, a derived table or VALUES."""
        options = [(10, self.table)]
        if self.ctes:
            options.append((14, self.cte_use))
        if depth > 0:
            options += [(2.5, lambda: self.derived(depth - 1)), (0.8, self.values)]
        return self.pick(options)

    def table(self, name=None):
        names = [n for n in self.tables if n not in self.ctes and n not in self.hidden]
        name = name or self.rng.choice(names)
        alias = self.alias()
        cols = [base_column(alias, c, t) for c, t in self.tables[name]["columns"]]
        if self.chance(0.03):
            self.tag("upper-case name")
            name = name.upper()
        return Rel(
            Node(f"{name} {self.one('', 'AS ')}{alias}"), cols, [cols[0]], len(self.tables[name.lower()]["rows"])
        )

    def as_relation(self, node, out, alias):
        cols = [c.like(f"{alias}.{c.name}", name=c.name, far=f"{alias}.{c.name}", col=True) for c in out.cols]
        return Rel(node, cols, None if out.key is None else [cols[i] for i in out.key], out.rows)

    def cte_use(self):
        name = self.rng.choice(sorted(self.ctes))
        alias = self.alias()
        self.tag("CTE use")
        return self.as_relation(Node(f"{name} AS {alias}"), self.ctes[name], alias)

    def derived(self, depth):
        out = self.body(depth, False)
        alias = self.alias()
        self.tag("derived table")
        return self.as_relation(Node("(", out.node, f") AS {alias}"), out, alias)

    def values(self):
        fams = [self.one("int", "text", "date", "dec") for _ in range(self.rng.randint(1, 3))]
        rows = [[self.literal(t) for t in fams] for _ in range(self.rng.randint(1, 4))]
        alias = self.alias()
        self.tag("VALUES")
        names = [f"v{i}" for i in range(1, len(fams) + 1)]
        cols = []
        for name, t, values in zip(names, fams, zip(*rows)):
            known = unify(values)
            if t == "int":
                known["duck"] = "i64" if any(v.duck == "i64" for v in values) else "i32"
            cols.append(E(t, f"{alias}.{name}", **known, name=name, far=f"{alias}.{name}", col=True))
        lines = Items([Node("(", *joined(row), ")") for row in rows])
        return Rel(Node("(VALUES ", lines, f") AS {alias}({', '.join(names)})"), cols, None, len(rows))

    def relation(self, depth, most=3):
        count = min(most, self.rng.choices((1, 2, 3), (45, 42, 13))[0])
        rel = self.factor(depth)
        for i in range(1, count):
            rel = self.join(rel, self.factor(depth - 1), only=count == 2, last=i == count - 1)
        return rel

    def join(self, left, right, only, last):
        """`only`: there are no other joins; `last`: none follows (the ON of one would not see what is before a comma)."""
        product = left.rows * right.rows
        options = [(6, lambda: self.join_on(left, right))]
        if product <= 1500:
            options.append((1, lambda: self.join_cross(left, right, last)))
        if only:
            options.append((1.5, lambda: self.join_using(left, right)))
        if product <= 400:
            options.append((0.4, lambda: self.join_lateral(left, right, last)))
        return self.pick(options)

    def join_cross(self, left, right, last):
        form = self.one(" CROSS JOIN ", ", ") if last else " CROSS JOIN "
        self.tag("comma join" if form == ", " else "CROSS JOIN")
        return self.joined_rel(
            Node(left.node, form, right.node, alts=[left.node, right.node]), left, right, left.rows * right.rows
        )

    def joined_rel(self, node, left, right, rows):
        key = None if left.key is None or right.key is None else left.key + right.key
        return Rel(node, left.cols + right.cols, key, max(1, rows))

    def join_on(self, left, right):
        kind = self.rng.choices(
            ("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "INNER JOIN", "LEFT OUTER JOIN"), (4, 4, 2, 2, 1, 0.5)
        )[0]
        on, rows = self.on(left, right)
        self.tag(kind.replace("INNER ", "").replace("OUTER ", ""))
        node = Node(left.node, f" {kind} ", right.node, " ON ", on, alts=[left.node, right.node])
        return self.joined_rel(node, left, right, rows + left.rows + right.rows)

    def on(self, left, right):
        """A condition and about how many rows it leaves."""
        product = left.rows * right.rows
        equal = self.equality(left.cols, right.cols)
        if product > MANY:
            return (equal or E("bool", "FALSE", col=False)), product // 5
        both = Scope(left.cols + right.cols, subqueries=False)
        kinds = (("eq", 50), ("eq and", 17), ("eq eq", 5), ("or", 3), ("free", 12), ("constant", 3), ("one side", 4))
        (kind,) = self.rng.choices(*zip(*(kinds if equal is not None else kinds[4:])))
        if kind == "eq":
            return equal, product // 5
        if kind == "eq eq":
            self.tag("ON: two equalities")
            return E("bool", equal, " AND ", self.equality(left.cols, right.cols) or equal), product // 5
        if kind == "eq and":
            self.tag("ON: equality and residual")
            return E("bool", equal, " AND ", self.either(both, whole=False)), product // 5
        if kind == "or":
            self.tag("ON: OR")
            return E("bool", "(", equal, " OR ", self.bool(both, 1), ")"), product
        if kind == "constant":
            self.tag("ON: constant")
            return E("bool", self.one("TRUE", "FALSE", "1 = 1", "1 = 0", "CAST(NULL AS BOOLEAN)"), col=False), product
        if kind == "one side":
            self.tag("ON: one side")
            side = Scope(self.one(left.cols, right.cols), subqueries=False)
            return E(
                "bool", self.bool(side, 1), *((" AND ", equal) if equal is not None and self.chance(0.5) else ())
            ), product
        self.tag("ON: no equality")
        return self.cross_condition(left, right), product

    def cross_condition(self, left, right):
        """A comparison of the two sides that is no equality."""
        a, b = self.comparable(left.cols, right.cols)
        if a is None:
            return E("bool", self.one("TRUE", "FALSE"), col=False)
        return E("bool", "(", a, f" {self.one('<', '<=', '>', '<>')} ", b, ")")

    def comparable(self, left, right):
        pairs = [
            (a, b)
            for a in left
            for b in right
            if a.t == b.t
            and max(a.rough, b.rough) < 2
            and not (a.wild or b.wild)
            and a.duck != "f32"
            and b.duck != "f32"
        ]
        common = [(a, b) for a, b in pairs if a.t == "int" and a.bound <= 10 and b.bound <= 10]
        pairs = common if common and self.chance(0.8) else pairs
        return self.rng.choice(pairs) if pairs else (None, None)

    def equality(self, left, right):
        a, b = self.comparable(left, right)
        if a is None or a.t == "dec" and self.too_long(a, b):
            return None
        if self.chance(0.08):
            self.tag("ON: IS NOT DISTINCT FROM")
            return E("bool", a, " IS NOT DISTINCT FROM ", b)
        if a.t == "int" and self.chance(0.1):
            self.tag("ON: equality of expressions")
            a = self.wide(a).like("(", self.wide(a), " + 1)", bound=a.bound + 1)
        if a.t != b.t or a.duck != b.duck or a.s != b.s:
            self.tag("ON: unlike types")
        return E("bool", *self.one((a, " = ", b), (b, " = ", a)))

    def join_using(self, left, right):
        """USING or NATURAL: the shared columns come out once, without a qualifier."""
        names = [[c.name for c in r.cols] for r in (left, right)]
        shared = sorted(set(names[0]) & set(names[1]))
        if not shared or left.rows * right.rows > 4000 or any(n.count(s) > 1 for n in names for s in shared):
            return None
        if shared == ["id", "k"] and self.chance(0.9):
            shared = [self.one("k", "k", "id")]
        elif shared != ["id", "k"]:
            return None
        kind = self.one("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "FULL JOIN")
        sides = [[next(c for c in r.cols if c.name == s) for s in shared] for r in (left, right)]
        merged = [E("int", name, **unify([a, b]), name=name, col=True) for name, a, b in zip(shared, *sides)]
        rest = [c for r in (left, right) for c in r.cols if c.name not in shared]
        natural = len(shared) == 2
        self.tag(f"{'NATURAL' if natural else 'USING'} {kind}")
        using = "" if natural else f" USING ({', '.join(shared)})"
        node = Node(left.node, f" {'NATURAL ' if natural else ''}{kind} ", right.node, using)
        key = None if left.key is None or right.key is None or "id" in shared else left.key + right.key
        if (
            "id" in shared
            and left.key == [sides[0][shared.index("id")]]
            and right.key == [sides[1][shared.index("id")]]
        ):
            # With both keys USING (id, k) a row of each side that finds no partner shares its id with another.
            key = [merged[0]] if shared == ["id"] else None
        return Rel(node, merged + rest, key, left.rows * right.rows // 5 + left.rows + right.rows)

    def join_lateral(self, left, right, last):
        inner = Scope(right.cols, None, right.rows, [], False)
        link = self.equality(left.cols, right.cols)
        if link is None:
            return None
        self.tag("LATERAL")
        alias = self.alias()
        made = self.aggregate(self.one("int", "dec"), inner, 1)
        node = Node(
            left.node,
            self.one(" CROSS JOIN LATERAL (", ", LATERAL (" if last else " CROSS JOIN LATERAL ("),
            "SELECT ",
            made,
            " AS y1 FROM ",
            right.node,
            " WHERE ",
            link,
            f") AS {alias}",
        )
        return Rel(
            node, left.cols + [made.like(f"{alias}.y1", name="y1", far=f"{alias}.y1", col=True)], left.key, left.rows
        )
