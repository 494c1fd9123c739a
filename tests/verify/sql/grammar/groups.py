"""SELECT with aggregates: GROUP BY of expressions and positions, ROLLUP, CUBE, GROUPING SETS, HAVING, and windows over
aggregates.
Used by queries.py; nothing to run.
"""

from grammar.nodes import E, Items, Node, optional
from grammar.scope import Scope, joined

FEW = ("int", "int", "dec", "float", "text", "bool", "date")


class Groups:
    def grouped(self, rel, sc, where, top, fams):
        groups = self.group_keys(sc)
        form = self.group_form(groups, fams)
        tail = self.tail_kind(top, form in ("list", "positions"), fams)
        rough = 2 if top and fams is None and tail in ("none", "scope") else 1
        # Also those that are not selected: for HAVING and ORDER BY.
        aggregates = [
            self.aggregate(self.one(*FEW, *(["float"] * 3 if rough > 1 else [])), sc, rough)
            for _ in range(self.one(1, 2, 2, 3))
        ]
        key = list(groups) if form in ("list", "positions") else None
        post = Scope([*groups, *aggregates], key, sc.rows, [], self.chance(0.3))
        if form in ("ROLLUP", "CUBE", "GROUPING SETS") and self.chance(0.4):
            self.tag("grouping()")
            post.cols.append(E("int", "grouping(", self.rng.choice(groups), ")", bound=1, duck="i64"))
        items = self.group_items(post, sc, groups, aggregates, form, fams, rough)
        exact = Scope([c for c in post.cols if c.rough < 2], key, sc.rows, [], False)
        distinct = "DISTINCT " if fams is None and tail != "scope" and rough < 2 and self.chance(0.04) else ""
        out_key = list(range(len(items))) if distinct else self.key_of(items, key)
        names = self.names(items, top)
        having = ""
        if self.chance(0.25) and exact.cols and (groups or fams is None):
            self.tag("HAVING")
            having = optional(" HAVING ", self.either(exact))
        self.tag("GROUP BY" if groups else "aggregates without GROUP BY")
        end = self.order_limit(tail, items, names, exact)
        select = Items([self.item(e, n) for e, n in zip(items, names)])
        node = Node(
            "SELECT ", distinct, select, " FROM ", rel.node, where, self.group_clause(form, groups), having, *end
        )
        return self.finish(node, items, names, out_key, sc.rows if groups else 1)

    def group_form(self, groups, fams):
        if not groups:
            return "list"
        form = self.rng.choices(("list", "positions", "ROLLUP", "CUBE", "GROUPING SETS", "ALL"), (64, 12, 7, 4, 6, 2))[
            0
        ]
        return form if fams is None or form not in ("positions", "ALL") else "list"

    def group_items(self, post, sc, groups, aggregates, form, fams, rough):
        """The select list: over keys, aggregates and now and then a window over them. Without GROUP BY an aggregate must
        be in it."""
        if form in ("positions", "ALL"):
            return [*groups, *aggregates]
        wide = post
        if self.chance(0.2) and fams is None:
            self.tag("window over aggregates")
            window = self.window(self.one("int", "float", "dec"), post, rough)
            wide = post.plus([window] if window is not None else [])
        items = self.items(wide, fams, rough, windows=wide.cols[len(post.cols) :])
        if fams is None and len(items) < 4 and self.chance(0.6):
            items = [*groups, *items]
        if not groups and not any(self.uses(items, a) for a in aggregates):
            items[-1] = self.plain_type(self.min_max(fams[-1], sc.flat(), True)) if fams else aggregates[0]
        return items

    @staticmethod
    def uses(items, e):
        text = str(e)
        return any(text in str(i) for i in items)

    def group_keys(self, sc):
        keys = []
        for _ in range(self.rng.choices((0, 1, 2, 3), (18, 45, 28, 9))[0]):
            t = self.family(sc, "int", "int", "text", "bool", "date", "dec", "ts", "float")
            e = self.column(t, sc) if self.chance(0.75) else self.expr(t, sc.flat(), 1)
            if e is not None and e.col and e.rough < 2 and str(e) not in map(str, keys):
                keys.append(e)
        return keys

    def group_clause(self, form, groups):
        if not groups:
            return ""
        if form == "list":
            return Node(" GROUP BY ", *joined(groups))
        self.tag(f"GROUP BY {form}")
        if form == "positions":
            return " GROUP BY " + ", ".join(str(i) for i in range(1, len(groups) + 1))
        if form == "ALL":
            return " GROUP BY ALL"
        if form in ("ROLLUP", "CUBE"):
            return Node(f" GROUP BY {form} (", *joined(groups), ")")
        sets = [
            ["("] + joined(self.rng.sample(groups, self.rng.randint(0, len(groups)))) + [")"]
            for _ in range(self.rng.randint(1, 3))
        ]
        sets.append(["("] + joined(groups) + [")"])
        return Node(" GROUP BY GROUPING SETS (", *joined([Node(*s) for s in sets]), ")")
