"""Conditions: comparisons, three-valued logic, BETWEEN, IN, LIKE and tests of text, and those with subqueries by
subqueries.py.
Used by queries.py; nothing to run.
"""

from grammar.nodes import E
from grammar.scope import FAMILIES, ORDERED, joined, q, unify

DEEPEST = -6  # conditions within conditions below an expression that is as deep as it may be


class Conditions:
    def options_bool(self):
        return [
            (5, self.comparison),
            (2, self.connective),
            (1.2, self.negation),
            (1.2, self.null_test),
            (1, self.truth_test),
            (1, self.between),
            (1.2, self.in_list),
            (1.5, self.like_test),
            (0.7, self.text_test),
            (0.3, self.row_value),
            (0.3, self.regexp_test),
        ]

    def bool(self, sc, d=1):
        """A condition: mostly a comparison, now and then with a subquery; with a column in it if that can be."""
        made = self.any_bool(sc, d)
        return made if made.col or not sc.cols or self.chance(0.2) else self.any_bool(sc, d)

    def any_bool(self, sc, d):
        nests = (self.connective, self.negation, self.truth_test)
        held = [(w, f) for w, f in self.options_bool() if d > DEEPEST or f not in nests]
        options = [(w, lambda f=f: f(sc, d - 1, 1, False)) for w, f in held]
        if sc.subqueries:
            options.append((2, lambda: self.subquery_test(sc)))
        made = self.pick(options)
        return made if made is not None else self.literal_bool()

    def condition(self, *parts):
        made = E("bool", *parts)
        return made

    def mixed_pair(self, sc, d):
        """Two expressions that can be compared."""
        t = self.family(sc, *ORDERED)
        other = t
        if t in ("int", "dec", "float") and self.chance(0.3):
            other = self.one("int", "dec", "float")
        if t in ("date", "ts") and self.chance(0.3):
            other = self.one("date", "ts")
        a, b = self.expr(t, sc, d), self.expr(other, sc, min(d, 1))
        if str(a) == str(b) and self.chance(0.9):
            b = self.literal(t)
        if t != other:
            self.tag(f"compare {t} with {other}")
            if a.wild or b.wild or self.too_long(a, b) or "f32" in (a.duck, b.duck) or "i128" in (a.duck, b.duck):
                return None
        elif t == "dec" and self.too_long(a, b) or t == "float" and a.duck != b.duck:
            return None
        elif t == "int" and unify([a, b]) is None and not self.chance(0.3):
            return None
        return a, b

    def too_long(self, a, b):
        """Whether a common decimal type of both has more than 38 digits."""
        if "dec" not in (a.t, b.t) or "float" in (a.t, b.t):
            return False
        (pa, sa), (pb, sb) = self.shape(a), self.shape(b)
        return max(pa - sa, pb - sb) + max(sa, sb) > 38

    def comparison(self, sc, d, rough, tame):
        pair = self.mixed_pair(sc, d)
        op = self.one(
            "=", "<>", "<>", "<", "<=", "<=", ">", ">=", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", "!="
        )
        if not pair:
            return None
        self.tag(op if op.startswith("IS") else "comparison")
        a, b = (e if e.t == "bool" else self.open(e, sc, 0.2) for e in pair)
        return self.condition("(", a, f" {op} ", b, ")")

    def connective(self, sc, d, rough, tame):
        op = self.one("AND", "OR")
        self.tag(op)
        a, b = self.bool(sc, d), self.bool(sc.flat(), d)
        if self.chance(0.1):
            b = E("bool", self.one("TRUE", "FALSE", "CAST(NULL AS BOOLEAN)"), col=False)
        return self.condition("(", self.open(a, sc), f" {op} ", self.open(b, sc), ")")

    def negation(self, sc, d, rough, tame):
        self.tag("NOT")
        return self.condition("(NOT ", self.open(self.bool(sc, d), sc), ")")

    def null_test(self, sc, d, rough, tame):
        self.tag("IS NULL")
        return self.condition("(", self.expr(self.family(sc, *FAMILIES), sc, d), self.one(" IS NULL)", " IS NOT NULL)"))

    def truth_test(self, sc, d, rough, tame):
        form = self.one(
            "IS TRUE",
            "IS FALSE",
            "IS NOT TRUE",
            "IS NOT FALSE",
            "IS NOT TRUE",
            "IS NOT FALSE",
            "IS UNKNOWN",
            "IS NOT UNKNOWN",
        )
        self.tag(form)
        made = self.bool(sc, d)
        compares = len(made.parts) == 5 and str(made.parts[2]).strip() in ("=", "<>", "<", "<=", ">", ">=")
        return self.condition("(", self.open(made, sc) if compares else made, f" {form})")

    def between(self, sc, d, rough, tame):
        t = self.family(sc, "int", "dec", "text", "date", "ts", "float")
        made = self.several(t, sc, min(d, 1), 1, True, 3)
        if not made:
            return None
        a, b, c = made[0]
        self.tag("BETWEEN")
        return self.condition("(", a, self.one(" BETWEEN ", " NOT BETWEEN "), b, " AND ", c, ")")

    def in_list(self, sc, d, rough, tame):
        t = self.family(sc, "int", "int", "text", "text", "date", "dec")
        a = self.expr(t, sc, d, 1, True)
        few = self.chance(0.8)
        items = [self.literal(t) if few else self.expr(t, sc, 1, 1, True) for _ in range(self.rng.randint(1, 4))]
        known = unify([a, *items])
        if self.chance(0.2):
            self.tag("IN list with NULL")
            items.append(E(t, "NULL", col=False))
        self.tag("IN list")
        return known and self.condition("(", a, self.one(" IN (", " IN (", " NOT IN ("), *joined(items), "))")

    def like_test(self, sc, d, rough, tame):
        a = self.expr("text", sc, d)
        op = self.one("LIKE", "LIKE", "NOT LIKE", "ILIKE")
        if self.chance(0.1) and self.column("text", sc):
            self.tag("LIKE column")
            return self.condition("(", a, f" {op} ", self.column("text", sc), ")")
        pattern = self.one("a%", "%a", "%a%", "_", "a_", "%", "", "ab", "_%_", "é%", "A%")
        if op != "ILIKE" and self.chance(0.25):
            self.tag("LIKE ESCAPE")
            pattern = self.one("%!%%", "a!_b", "%!_%", "!%")
            return self.condition("(", a, f" {op} {q(pattern)} ESCAPE '!')")
        self.tag(op)
        return self.condition("(", a, f" {op} {q(pattern)})")

    def text_test(self, sc, d, rough, tame):
        name = self.one("starts_with", "ends_with", "contains")
        self.tag(name)
        return self.condition(f"{name}(", self.expr("text", sc, d), ", ", self.expr("text", sc, 0), ")")

    def regexp_test(self, sc, d, rough, tame):
        self.tag("~")
        return self.condition("(", self.expr("text", sc, d), f" ~ {self.one(q('a'), q('^[ab]+$'), q('é|x'))})")

    def row_value(self, sc, d, rough, tame):
        a, b = self.column("int", sc, tame=True), self.column("text", sc)
        if a is None or b is None:
            return None
        self.tag("row value")
        return self.row_in(a, b)

    def row_in(self, a, b):
        rows = [f"({self.one('1', '2', '3')}, {q(self.one('a', 'b', 'x'))})" for _ in range(self.rng.randint(1, 3))]
        if len(rows) == 1 and self.chance(0.7):
            return self.condition("((", a, ", ", b, f") = {rows[0]})")
        return self.condition("((", a, ", ", b, f") IN ({', '.join(rows)}))")
