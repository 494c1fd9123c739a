"""Subqueries in expressions: scalar ones, EXISTS, IN, ANY and ALL; correlated or not.
Used by queries.py; nothing to run.
"""

from grammar.nodes import E, frozen, optional
from grammar.relations import Rel
from grammar.scope import Scope, joined, unify


class Subqueries:
    def inner(self, sc, correlate):
        """The FROM and WHERE of a subquery and its scope. Correlated: WHERE compares an outer column with an inner one."""
        self.inside += 1
        rel = self.relation(0, 2 if self.chance(0.15) else 1)
        far = [c.like(c.far, name=c.name) for c in [*sc.cols, *sc.outer] if c.far and c.rough < 2]
        parts = [" FROM ", rel.node]
        inside = Scope(rel.cols, rel.key, rel.rows, [], self.inside < 2)
        link = self.equality(rel.cols, far) if correlate and far else None
        if link is not None:
            if self.chance(0.15):
                link = self.cross_condition(Rel(None, rel.cols, None, 0), Rel(None, far, None, 0))
                self.tag("correlated by no equality")
            self.tag("correlated")
            more = []
            if self.chance(0.3):
                open_scope = Scope(rel.cols, rel.key, rel.rows, far if self.chance(0.3) else [], False)
                more = [" AND ", self.bool(open_scope, 1)]
            parts += [" WHERE ", link, optional(*more) if more else ""]
        elif self.chance(0.5):
            parts.append(optional(" WHERE ", self.bool(inside.flat(), 1)))
        self.inside -= 1
        return parts, inside

    def scalar_subquery(self, t, sc, rough, tame):
        if self.inside >= 2 or sc.rows > 1000:
            return None
        correlate = self.chance(0.6)
        parts, inside = self.inner(sc, correlate)
        if not correlate and inside.key and self.chance(0.3) and (t != "float" or rough > 0):
            made = self.expr(t, inside.flat(), 1, min(rough, 1), tame)
            order = frozen(" ORDER BY ", *joined(self.sort_key(c) for c in inside.key), " LIMIT 1")
            self.tag("scalar subquery with LIMIT")
            return made.like("(SELECT ", made, *parts, order, ")")
        made = self.aggregate(t, inside.flat(), rough, tame)
        self.tag("scalar subquery")
        if made is None:
            return None
        return made.like("(SELECT ", made, *parts, self.having(), ")", col=True)

    def having(self):
        """Of an aggregate of all rows, which is there for no rows too."""
        if not self.chance(0.12):
            return ""
        self.tag("HAVING in a subquery")
        return optional(f" HAVING count(*) {self.one('= 0', '> 0', '<> 1')}")

    def subquery_test(self, sc):
        if self.inside >= 2 or sc.rows > 1000:
            return None
        kind = self.rng.choices(
            ("EXISTS", "NOT EXISTS", "IN", "NOT IN", "ANY", "ALL", "scalar"), (5, 4, 4, 4, 1, 1, 3)
        )[0]
        if kind in ("EXISTS", "NOT EXISTS"):
            parts, _ = self.inner(sc, self.chance(0.85))
            self.tag(kind)
            if self.chance(0.25):
                self.tag(f"{kind} of an aggregate")
                parts = [f"({kind} (SELECT {self.one('1', 'count(*)', 'max(1)')}", *parts, self.having() or " HAVING TRUE"]
                return E("bool", *parts, "))", col=True)
            return E("bool", f"({kind} (SELECT {self.one('1', '*')}", *parts, "))", col=True)
        t = self.family(sc, "int", "int", "text", "date", "dec")
        a = self.expr(t, sc.flat(), 1, 1, True)
        if kind == "scalar":
            b = self.scalar_subquery(t, sc, 1, True)
            if b is None or unify([a, b]) is None:
                return None
            return E("bool", "(", a, f" {self.one('=', '<', '>=', '<>')} ", b, ")")
        parts, inside = self.inner(sc, self.chance(0.3))
        of_all = self.chance(0.2)
        b = self.aggregate(t, inside.flat(), 1, True) if of_all else self.expr(t, inside.flat(), 1, 1, True)
        if b is None or unify([a, b]) is None:
            return None
        self.tag(kind + " subquery" + (" of an aggregate" if of_all else ""))
        parts.append(self.having() if of_all else "")
        op = f" {kind} (" if "IN" in kind else f" {self.one('=', '<', '<=', '<>', '>')} {kind} ("
        return E("bool", "(", a, op, "SELECT ", b, *parts, "))", col=True)
