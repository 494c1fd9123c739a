"""A query as a tree that can be written as text and made smaller. A node is a list of parts (text or nodes) and the
alternatives that may stand in its place when a failing query is shrunk; a frozen node is not looked into (the ORDER BY
that a result's determinism rests on). An expression is a node that also knows its type and what may be done with it.
Used by the other files here and by shrink.py; nothing to run.
"""


class Node:
    def __init__(self, *parts, alts=(), frozen=False):
        self.parts, self.alts, self.frozen = list(parts), list(alts), frozen

    def __str__(self):
        return "".join(map(str, self.parts))

    def children(self):
        return [p for p in self.parts if isinstance(p, Node)]

    def candidates(self):
        """What to try in place of this node, the smallest first."""
        return self.alts


class Items(Node):
    """A list with a separator of which all but `least` items can be left out."""

    def __init__(self, items, sep=", ", least=1):
        super().__init__(*items)
        self.sep, self.least = sep, least

    def __str__(self):
        return self.sep.join(map(str, self.parts))


def optional(*parts):
    """A part of a query that can be left out."""
    return Node(*parts, alts=[""])


def frozen(*parts):
    return Node(*parts, frozen=True)


class E(Node):
    """An expression. `t` is its family: bool int dec float text date ts tsz.
    `bound` is the largest absolute value of a number, `duck` DuckDB's type of an integer (i8 ... i128, u8 ... u64, lit) or
    float (f32, f64), `p` and `s` a decimal's precision and scale; `rough` is 0 for sums that are exact in any order, 1 for
    values that IEEE lays down, 2 for values whose last bits may differ between engines; `wild` values are at the limits of
    their type; `col` is true if a column is in it; `name` is set for columns, `far` is a column's qualified text; `noise` is
    what a rough value may differ by, where it is a difference of large ones."""

    def __init__(self, t, *parts, bound=0, duck=None, p=0, s=0, rough=0, wild=False, col=None, name=None, far=None):
        super().__init__(*parts)
        self.t, self.bound, self.duck, self.p, self.s = t, bound, duck, p, s
        self.rough, self.wild, self.name, self.far, self.noise = rough, wild, name, far, 0.0
        inside = [x for x in parts if isinstance(x, E)]
        self.col = any(x.col for x in inside) if col is None else col
        if inside:
            self.rough = max(rough, *(x.rough for x in inside if x.t == "float"), 0) if t == "float" else rough

    def like(self, *parts, **changed):
        """Another expression of the same type."""
        known = {k: getattr(self, k) for k in ("bound", "duck", "p", "s", "rough", "wild", "col")}
        return E(self.t, *parts, **{**known, **changed})

    def candidates(self):
        if not any(isinstance(p, Node) for p in self.parts):
            return []
        same = [p for p in self.children() if isinstance(p, E) and p.t == self.t]
        deeper = [q for p in self.children() for q in p.children() if isinstance(q, E) and q.t == self.t]
        return same + deeper
