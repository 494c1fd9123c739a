"""Makes a failing query and its tables smaller while it goes on failing: leaves out items, WHERE, joins, ORDER BY and
the like, puts an operand in the place of an expression, and drops rows, columns and tables.
Used by fuzz.py; nothing to run.
"""

import re
import time

from grammar.nodes import Items


class Shrinker:
    """`fails(sql, tables)` says whether the case still fails in the same way; the work ends after `seconds`."""

    def __init__(self, node, tables, fails, seconds=12.0):
        self.node, self.tables, self.fails = node, tables, fails
        self.until = time.monotonic() + seconds
        self.sql = str(node)

    def still(self, sql, tables):
        return time.monotonic() < self.until and self.fails(sql, tables)

    def run(self):
        self.drop_rows()
        while self.pass_over(self.node):
            pass
        self.drop_columns()
        self.drop_rows()
        return self.sql, self.tables

    def holds(self):
        sql = str(self.node)
        if sql == self.sql or not self.still(sql, self.tables):
            return False
        self.sql = sql
        return True

    def pass_over(self, parent):
        """One walk over the tree; whether anything became smaller."""
        changed = False
        at = 0
        while at < len(parent.parts):
            child = parent.parts[at]
            if isinstance(parent, Items) and len(parent.parts) > parent.least:
                del parent.parts[at]
                if self.holds():
                    changed = True
                    continue
                parent.parts.insert(at, child)
            if not isinstance(child, str):
                changed |= self.replace(parent, at) or (not child.frozen and self.pass_over(child))
            at += 1
        return changed

    def replace(self, parent, at):
        child = parent.parts[at]
        for candidate in child.candidates():
            parent.parts[at] = candidate
            if self.holds():
                return True
            parent.parts[at] = child
        return False

    def try_tables(self, tables):
        if self.still(self.sql, tables):
            self.tables = tables
            return True
        return False

    def drop_rows(self):
        """Halves, quarters ... single rows of each table."""
        for name in self.tables:
            rows = self.tables[name]["rows"]
            size = max(1, len(rows) // 2)
            while size and rows:
                at = 0
                while at < len(rows) and time.monotonic() < self.until:
                    fewer = rows[:at] + rows[at + size :]
                    if self.try_tables({**self.tables, name: {**self.tables[name], "rows": fewer}}):
                        rows = fewer
                    else:
                        at += size
                size //= 2

    def drop_columns(self):
        words = set(re.findall(r"\w+", self.sql))
        tables = {}
        for name, table in self.tables.items():
            if name in words:
                keep = [i for i, (c, _) in enumerate(table["columns"]) if c in words] or [0]
                tables[name] = {
                    "columns": [table["columns"][i] for i in keep],
                    "rows": [[row[i] for i in keep] for row in table["rows"]],
                }
        if tables:
            self.try_tables(tables)
