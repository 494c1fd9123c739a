"""The choices that all of the grammar makes by chance, columns and literals, and the expressions that every family has:
CASE, COALESCE, NULLIF, LEAST, GREATEST, a scalar subquery.
Used by the other files here; nothing to run.
"""

from grammar.nodes import E
from grammar.scope import NULL_TYPE, joined, q, unify


class Leaves:
    """Needs `rng` and `tags` (a set), and the other parts of the grammar around it."""

    def tag(self, *names):
        self.tags.update(names)

    def chance(self, p):
        return self.rng.random() < p

    def one(self, *values):
        return self.rng.choice(values)

    def pick(self, options):
        """Calls one of [(weight, function)]; a function that answers None gives way to another; None if all do."""
        options = list(options)
        while options:
            at = self.rng.choices(range(len(options)), [w for w, _ in options])[0]
            made = options.pop(at)[1]()
            if made is not None:
                return made
        return None

    def leaf(self, t, sc, rough=1, tame=False):
        cols = [c for c in sc.cols if c.t == t and c.rough <= rough]
        far = [c.like(c.far, name=c.name) for c in sc.outer if c.t == t and c.rough <= rough and c.far]
        if far and self.chance(0.25):
            cols = far
            self.tag("correlated")
        if tame or not self.chance(0.25):
            cols = [c for c in cols if not c.wild] or ([] if tame else cols)
        if cols and not self.chance(0.12):
            return self.rng.choice(cols)
        return self.literal(t)

    def family(self, sc, *choices):
        """One of the families, mostly one that the scope has columns of (tsz only then: there is little to do with it)."""
        have = {c.t for c in sc.cols}
        choices = [t for t in choices if t != "tsz" or t in have]
        present = [t for t in choices if t in have]
        return self.rng.choice(present if present and self.chance(0.9) else choices)

    def column(self, t, sc, tame=False, rough=1):
        """A column of the scope, or None."""
        cols = [c for c in sc.cols if c.t == t and c.rough <= rough and not (tame and c.wild)]
        return self.rng.choice(cols) if cols else None

    def literal(self, t):
        if self.chance(0.06):
            self.tag("null literal")
            return self.null(t)
        return getattr(self, f"literal_{t}")()

    def null(self, t):
        if t == "tsz":
            self.tag("timestamptz literal")
        e = E(t, f"CAST(NULL AS {NULL_TYPE[t]})", col=False)
        e.duck, e.p, e.s = {"int": "i64", "float": "f64"}.get(t), 10 if t == "dec" else 0, 2 if t == "dec" else 0
        return e

    def literal_int(self):
        value = self.one(0, 1, 1, 2, 3, 5, 7, 10, 100, -1, -2, -10)
        return E("int", str(value) if value >= 0 else f"({value})", bound=abs(value), duck="lit", col=False)

    def literal_dec(self):
        text = self.one("0.5", "1.5", "2.50", "10.0", "0.05", "100.25", "0.001", "0.0")
        whole, part = text.split(".")
        sign = self.one("", "", "-")
        return E(
            "dec",
            f"(-{text})" if sign else text,
            bound=int(whole) + 1,
            p=len(whole) + len(part),
            s=len(part),
            col=False,
        )

    def literal_float(self):
        text = self.one("0.5e0", "1.5e0", "2e0", "1e2", "0.25e0", "CAST(3 AS DOUBLE)")
        return E("float", text, bound=100, duck="f64", col=False)

    def literal_text(self):
        return E(
            "text", q(self.one("", "a", "b", "ab", "x", "y", "A", "é", "日本", "it's", "a,b", "%", "1")), col=False
        )

    def literal_bool(self):
        return E("bool", self.one("TRUE", "FALSE"), col=False)

    def literal_date(self):
        return E(
            "date",
            f"DATE '{self.one('2024-02-26', '2024-02-29', '2024-03-01', '2023-12-31', '1970-01-01')}'",
            col=False,
        )

    def literal_ts(self):
        moment = self.one("2024-02-29 00:00:00", "2024-02-28 23:07:00.25", "2024-03-01 12:00:00")
        return E("ts", f"TIMESTAMP '{moment}'", col=False)

    def literal_tsz(self):
        self.tag("timestamptz literal")
        return E("tsz", "CAST('2024-02-29 00:00:00+00' AS TIMESTAMPTZ)", col=False)

    # Any family

    def expr(self, t, sc, d=2, rough=1, tame=False):
        """An expression of a family; `d` is how deep, `rough` how exact it must be, `tame` keeps off the limits."""
        if d <= 0 or self.chance(0.3):
            return self.leaf(t, sc, rough, tame)
        own = [(w, lambda f=f: f(sc, d - 1, rough, tame)) for w, f in getattr(self, f"options_{t}")()]
        common = [
            (5, lambda: self.leaf(t, sc, rough, tame)),
            (2, lambda: self.case(t, sc, d - 1, rough, tame)),
            (1, lambda: self.coalesce(t, sc, d - 1, rough, tame)),
            (1, lambda: self.nullif(t, sc, d - 1, rough, tame)),
            (0.5, lambda: self.extreme(t, sc, d - 1, rough, tame)),
        ]
        if sc.subqueries:
            common.append((0.7, lambda: self.scalar_subquery(t, sc, rough, tame)))
        return self.pick(own + common)

    def several(self, t, sc, d, rough, tame, count):
        """Expressions of a family with what is known of a mixture of them, or None."""
        es = [self.expr(t, sc, d, rough, tame) for _ in range(count)]
        es[1:] = [self.literal(t) if str(e) == str(es[0]) and self.chance(0.8) else e for e in es[1:]]
        if t == "float":
            es = [self.double(e) for e in es]
        known = unify(es)
        return known and (es, known)

    def case(self, t, sc, d, rough, tame):
        made = self.several(t, sc, d, rough, tame, self.one(1, 2, 2, 3))
        if not made:
            return None
        es, known = made
        parts = ["CASE"]
        if self.chance(0.2):
            self.tag("simple case")
            subject = self.column(self.family(sc, "int", "text"), sc, tame=True)
            if subject is None:
                return None
            parts += [" ", subject]
            tests = [self.literal(subject.t) for _ in es]
        else:
            self.tag("case")
            tests = [self.bool(sc, min(d, 1)) for _ in es]
        for test, e in zip(tests[: max(1, len(es) - 1)], es):
            parts += [" WHEN ", test, " THEN ", e]
        parts += [" ELSE ", es[-1], " END"] if len(es) > 1 else [self.one("", " ELSE NULL"), " END"]
        return E(t, *parts, **known, col=any(e.col for e in es + tests))

    def open(self, e, sc, p=0.3):
        """Now and then without the parentheses around it: which operator binds stronger is then for the engine to know.
        A column of the scope stays as it is, for it may be an expression of GROUP BY."""
        first, last = e.parts[0], e.parts[-1]
        closed = (
            len(e.parts) > 2
            and isinstance(first, str)
            and isinstance(last, str)
            and first[:1] == "("
            and last[-1:] == ")"
        )
        inner = {p.t for p in e.parts if isinstance(p, E)}
        other = e.t != "bool" and not inner <= {"int", "dec", "float"}  # a difference of dates
        if not closed or other or first.startswith("(SELECT") or any(e is c for c in sc.cols) or not self.chance(p):
            return e
        self.tag("without parentheses")
        return e.like(first[1:], *e.parts[1:-1], last[:-1])

    def call(self, name, es, known, t):
        return E(t, f"{name}(", *joined(es), ")", **known, col=any(e.col for e in es))

    def coalesce(self, t, sc, d, rough, tame):
        made = self.several(t, sc, d, rough, tame, self.one(2, 2, 3))
        self.tag("coalesce")
        return made and self.call("coalesce", *made, t)

    def extreme(self, t, sc, d, rough, tame):
        made = self.several(t, sc, d, rough, tame, self.one(2, 3))
        if not made or t in ("bool", "tsz"):
            return None
        self.tag("least/greatest")
        return self.call(self.one("least", "greatest"), *made, t)

    def nullif(self, t, sc, d, rough, tame):
        made = self.several(t, sc, d, min(rough, 1), tame, 2)
        if not made or t == "tsz":
            return None
        self.tag("nullif")
        a, b = made[0]
        return a.like("nullif(", a, ", ", b, ")", col=a.col or b.col)
