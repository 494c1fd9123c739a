"""SELECT without GROUP BY: the select list and its names, DISTINCT, DISTINCT ON, QUALIFY, ORDER BY and LIMIT.
Used by queries.py; nothing to run.
"""

import collections

from grammar.nodes import E, Items, Node, frozen, optional
from grammar.scope import FAMILIES, ORDERED, Scope, joined

# A query's result: `cols` with their names, `key` the positions of columns that are unique together or None.
Out = collections.namedtuple("Out", "node cols key rows")


class Selects:
    def body(self, depth, top):
        """A query without WITH: a SELECT or a set operation."""
        if self.chance(0.13):
            return self.set_operation(depth, top)
        return self.select(depth, top)

    def select(self, depth, top, fams=None):
        rel = self.relation(depth)
        cols = rel.cols
        if self.can_be_bare(cols) and self.chance(0.35):
            bare = [c.like(c.name, name=c.name, far=c.far) for c in cols]
            rel = rel._replace(
                cols=bare, key=None if rel.key is None else [bare[[c is k for c in cols].index(True)] for k in rel.key]
            )
        sc = Scope(rel.cols, rel.key, rel.rows)
        where = optional(" WHERE ", self.either(sc, self.one(1, 1, 2))) if self.chance(0.38) else ""
        if fams is None and self.chance(0.04):
            made = self.select_star(rel, where)
            if made:
                return made
        if self.chance(0.36):
            return self.grouped(rel, sc, where, top, fams)
        return self.plain(rel, sc, where, top, fams)

    def can_be_bare(self, cols):
        """Whether columns need no qualifier: their names are unlike, and unlike the aliases that `names` gives."""
        names = {c.name for c in cols}
        return len(names) == len(cols) and not any(n[0] == "c" and n[1:].isdigit() for n in names)

    def either(self, sc, d=1, whole=True):
        """A condition that some rows should meet: often one OR another."""
        made = self.bool(sc, d)
        if self.chance(0.5):
            self.tag("OR")
            made = E("bool", "(", made, " OR ", self.bool(sc.flat(), 1), ")")
        return self.open(made, sc) if whole else made

    def select_star(self, rel, where):
        """SELECT *, over columns of unlike names."""
        if len({c.name for c in rel.cols}) < len(rel.cols):
            return None
        self.tag("SELECT *")
        out = [c.like(c.name, name=c.name) for c in rel.cols]
        key = None if rel.key is None else [[c is k for c in rel.cols].index(True) for k in rel.key]
        return Out(Node("SELECT * FROM ", rel.node, where), out, key, rel.rows)

    def families(self, sc):
        return [self.family(sc, *FAMILIES) for _ in range(self.rng.choices((1, 2, 3, 4), (3, 4, 3, 1))[0])]

    def plain(self, rel, sc, where, top, fams):
        tail = self.tail_kind(top, sc.key is not None, fams)
        distinct = "DISTINCT " if tail != "scope" and self.chance(0.12) else ""
        on = not distinct and fams is None and sc.key is not None and tail == "none" and self.chance(0.06)
        rough = 2 if top and not distinct and tail in ("none", "scope") and fams is None else 1
        wide = sc
        if self.chance(0.35) and sc.cols:
            self.tag("window")
            rough_float = ["float"] * 3 if rough > 1 else []
            windows = [
                self.window(self.family(sc, *ORDERED, *rough_float), sc, rough) for _ in range(self.one(1, 1, 2))
            ]
            wide = sc.plus([w for w in windows if w is not None])
        items = self.items(wide, fams, rough, windows=wide.cols[len(sc.cols) :])
        if not top and fams is None and sc.key and not distinct and self.chance(0.5):
            items += sc.key
        key = self.key_of(items, sc.key) if not distinct else list(range(len(items)))
        if distinct:
            self.tag("DISTINCT")
        names = self.names(items, top, None if distinct or on else sc)
        qualify = ""
        if wide is not sc and tail == "none" and not distinct and not on and self.chance(0.06):
            self.tag("QUALIFY")
            window = self.window_rank(sc)
            qualify = optional(" QUALIFY ", window, f" {self.one('= 1', '<= 2')}") if window is not None else ""
        if on:
            return self.distinct_on(rel, sc, where, items, names, top)
        select = Items([self.item(e, n) for e, n in zip(items, names)])
        end = self.order_limit(tail, items, names, sc)
        node = Node(
            "SELECT ",
            Node(distinct, alts=[""]) if distinct and top else distinct,
            select,
            " FROM ",
            rel.node,
            where,
            qualify,
            *end,
        )
        return self.finish(node, items, names, key, sc.rows, distinct)

    def finish(self, node, items, names, key, rows, distinct=""):
        cols = [e.like(n or e.name or "?", name=n or e.name, col=True) for e, n in zip(items, names)]
        return Out(node, cols, key, rows)

    def distinct_on(self, rel, sc, where, items, names, top):
        self.tag("DISTINCT ON")
        keys = self.some_order(sc)[: self.one(1, 1, 2)] or sc.key
        order = frozen(" ORDER BY ", *joined([self.sort_key(k) for k in keys + sc.key]))
        select = Items([self.item(e, n) for e, n in zip(items, names)])
        node = Node("SELECT DISTINCT ON (", *joined(keys), ") ", select, " FROM ", rel.node, where, order)
        return self.finish(node, items, names, None, sc.rows)

    def items(self, sc, fams, rough, windows=()):
        """The select list: bare columns, expressions, and every window at least once."""
        made = []
        for t in fams or self.families(sc):
            tame = fams is not None
            bare = self.column(t, sc, tame=tame, rough=rough) if self.chance(0.35 if fams is None else 0.65) else None
            e = bare if bare is not None else self.expr(t, sc, self.one(1, 2, 2, 3), rough, tame)
            if fams is not None:
                e = self.plain_type(e)
            made.append(e)
        if fams is None:
            text = " ".join(map(str, made))
            made += [w for w in windows if str(w) not in text]
        return made

    def plain_type(self, e):
        """As a type that mixes with all of its family."""
        if e.t == "int" and e.duck in ("u64", "i128"):
            return self.literal_int() if e.duck == "u64" else e.like("CAST(", e, " AS BIGINT)", duck="i64")
        return self.double(e) if e.t == "float" else e

    def key_of(self, items, key):
        """The positions of a key's columns among the items."""
        if key is None:
            return None
        at = [[e is k for e in items] for k in key]
        return [a.index(True) for a in at] if all(True in a for a in at) else None

    def names(self, items, top, sc=None):
        """An alias for each item; at the top now and then none (""): the name is then that of a bare column or anything.
        With a scope an alias may also be the name of one of its columns, which ORDER BY then means."""
        names = [f"c{i}" for i in range(1, len(items) + 1)]
        if not top:
            return names
        if self.chance(0.03):
            self.tag("quoted alias")
            return [f'"{self.one("Total", "order", "a b", "100%")} {i}"' for i in range(1, len(items) + 1)]
        columns = [c.name for c in sc.cols if c.name not in names] if sc is not None else []
        if columns and all(c.far and str(c) == c.far for c in sc.cols) and self.chance(0.06):
            self.tag("alias of a column's name")
            names[0] = self.rng.choice(columns)
            return names
        seen = set()
        for i, e in enumerate(items):
            name = e.name
            if name and name not in seen and name not in names and self.chance(0.3):
                names[i] = ""
                seen.add(name)
        free = [i for i, e in enumerate(items) if not e.name]
        if len(free) == 1 and self.chance(0.15):
            names[free[0]] = ""
            self.tag("unnamed expression")
        return names

    def item(self, e, name):
        return Node(e, f" AS {name}") if name else Node(e)

    def tail_kind(self, top, key, fams):
        """How the query ends: not at all; ORDER BY all columns of the output, or some of them (without LIMIT), or
        expressions over the input that end with its key."""
        if fams is not None:
            return self.rng.choices(("none", "total"), (9, 1))[0]
        weights = (45, 22, 18 if top else 0, 15 if key else 0)
        return self.rng.choices(("none", "total", "some", "scope"), weights)[0]

    def order_limit(self, kind, items, names, sc):
        """ORDER BY and LIMIT as parts of the query. LIMIT only where the order is total."""
        if kind == "none":
            return []
        if kind == "scope":
            self.tag("ORDER BY not selected")
            keys = self.total_order(sc, 2)
        else:
            keys = [Node(n if n and self.chance(0.4) else str(i)) for i, (n, e) in enumerate(zip(names, items), 1)]
            self.rng.shuffle(keys)
            if kind == "some":
                keys = keys[: self.rng.randint(1, len(keys))]
            if kind == "total" and self.chance(0.06):
                keys = [Node("ALL")]
                self.tag("ORDER BY ALL")
        if not keys:
            return []
        self.tag("ORDER BY")
        limit = ""
        if kind != "some":
            limit = (
                f" LIMIT {self.one(1, 1, 2, 2, 3, 3, 5, 10, 10, 0) if self.chance(0.5) else self.one(3, 5, 10)}"
                if self.chance(0.8)
                else ""
            )
            limit += f" OFFSET {self.one(0, 1, 1, 2, 5)}" if self.chance(0.2) else ""
            self.tag(*[w for w in ("LIMIT", "OFFSET") if w in limit])
        return [Node(" ORDER BY ", *joined([self.sort_key(k) for k in keys]), limit, frozen=True, alts=[""])]
