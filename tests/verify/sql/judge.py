"""The outcome of one query in the product and in DuckDB over the same tables: all tools of this folder that compare the
two ask here. An outcome is one of those that fuzz.py lists.
Used by fuzz.py, replay.py, tpc.py, functions.py and constructs.py; nothing to run.
"""

import collections
import pathlib
import re
import threading

import duckdb

import compare
import differences
import tables
import worker

REFUSALS = (
    duckdb.BinderException,
    duckdb.ParserException,
    duckdb.CatalogException,
    duckdb.NotImplementedException,
    duckdb.SerializationException,
    duckdb.InternalException,
)
BAD = ("WRONG", "PANIC", "UNCLEAR")
# What only a developer of this program or of its libraries could use.
INTERNAL = re.compile(
    r"(?i:datafusion|polars|sqltorel|logicalplan|sqlparser|backtrace|ast node|unwrap|internal error|type signature"
    r"|not implemented|unsupported|no field named|schema error|coercible|this feature|error during planning|panick)"
    r"|\b(Utf8(View)?|Large\w+|U?Int(8|16|32|64)|Float(16|32|64)|Decimal(128|256)|Duration|Struct|Some|None|Ok|Err|Expr"
    r"|Ident|Span|Token|Word|Boolean|Exact|OneOf|Variadic\w*|UserDefined|Uniform)\b|spotmill_\w|__\w|#\d|::\w+::|\w+ \{|\[\w+\(|\("
    r"\w+ \{"
)
LONGEST = 300
Outcome = collections.namedtuple("Outcome", "kind why ours theirs notes")


def with_limit(con, seconds, work):
    """DuckDB's work, interrupted after some seconds."""
    timer = threading.Timer(seconds, con.interrupt)
    timer.start()
    try:
        return work()
    finally:
        timer.cancel()


def reference(con, sql, seconds=10):
    """DuckDB's result, or its exception."""
    try:
        return with_limit(con, seconds, lambda: compare.run(con, sql))
    except duckdb.Error as e:
        return e


def died(reply):
    """What a reply that is none says."""
    return next((f"{key}: {reply[key]}" for key in ("panic", "crash") if key in reply), None)


def internal(text):
    """The first word that only a developer could use, outside of what the text quotes."""
    found = INTERNAL.search(re.sub(r"`[^`]*`", "``", text))
    return found and found.group()


def unclear(sql, refused):
    """What a refusal lacks: a place in the query, a reason in plain words, a way out; None if it has all."""
    message, hint = refused["message"], refused.get("hint") or ""
    whole = f"{message} {hint}"
    line, column = refused.get("line"), refused.get("column")
    if not line or not column:
        return "no place"
    texts = sql.split("\n")
    if line > len(texts) or column > len(texts[line - 1]) + 1:
        return f"its place {line}:{column} is outside of the query"
    if internal(whole):
        return f"it leaks `{internal(whole)}`"
    if len(whole) > LONGEST or "\n" in whole:
        return "it is longer than a sentence or two"
    if not hint and ": " not in message:
        return "it has no way out"
    return None


def answered(con, sql, reply, theirs, output, floor=1e-9, named=(), limited=False):
    """The product's result and the notes on it, or compare.Difference. `limited`: among ties a LIMIT may choose others."""
    try:
        ours = compare.read(con, output)
    except duckdb.Error as e:
        raise compare.Difference(f"the output cannot be read: {e}") from None
    ok = reply["ok"]
    if ok["rows"] != len(ours.rows) or [c["name"] for c in ok["columns"]] != ours.names:
        raise compare.Difference(f"the reply says {ok} of a file of {len(ours.rows)} rows, columns {ours.names}")
    try:
        if limited:
            return ours, compare.compare_limited(con, sql, ours, theirs)
        return ours, compare.compare(ours, theirs, sql, floor, named)
    except compare.Difference as e:
        e.ours = ours
        raise


def rounded(sql, ours, theirs):
    """Whether the results differ in nothing but remainders that DuckDB takes of floats: of decimals past 38 digits."""
    kept = [i for i, kinds in enumerate(zip(theirs.kinds, ours.kinds)) if kinds != ("float", "decimal")]
    if "%" not in sql or len(kept) == len(ours.kinds):
        return False
    rest = lambda result: sorted(repr([row[i] for i in kept]) for row in result.rows)
    return rest(ours) == rest(theirs)


def judge(con, sql, reply, theirs, output, **how):
    """The outcome of one query; `how` is for `answered`."""
    outcome = lambda kind, why="", ours=reply, notes=(): Outcome(kind, why, ours, theirs, notes)
    if died(reply):
        return outcome("PANIC", died(reply))
    if isinstance(theirs, REFUSALS):
        return outcome("skipped", str(theirs))
    if isinstance(theirs, duckdb.InterruptException):
        return outcome("skipped", "DuckDB takes too long")
    if "timeout" in reply:
        return outcome("timeout", f"after {reply['timeout']:g} s")
    if "refused" in reply:
        lacks, message = unclear(sql, reply["refused"]), reply["refused"]["message"]
        return outcome("UNCLEAR", f"{lacks}: {message}") if lacks else outcome("refused", message)
    failed = "failed" in reply
    if isinstance(theirs, duckdb.Error):
        if failed:
            return outcome("both fail", str(theirs))
        wrong = differences.reason(differences.MUST_FAIL, str(theirs))
        if wrong and differences.plain(sql):
            return outcome("WRONG", f"{wrong}; DuckDB: {theirs}")
        reason = differences.reason(differences.THEIRS_FAILS, str(theirs))
        return outcome("known difference" if reason else "theirs fails", str(theirs))
    if failed:
        message = reply["failed"]["message"]
        reason = differences.reason(differences.OURS_FAILS, message)
        return outcome("known difference" if reason else "ours fails", message)
    if "ok" not in reply:
        return outcome("PANIC", f"no such reply: {reply}")
    try:
        ours, notes = answered(con, sql, reply, theirs, output, **how)
        return outcome("agree", "", ours, notes)
    except compare.Difference as e:
        ours = getattr(e, "ours", None)
        return outcome("known difference" if ours and rounded(sql, ours, theirs) else "WRONG", str(e), ours)


class Both:
    """The product and DuckDB over the same tables: those of `held`, and the ones that `script` makes, by name."""

    def __init__(self, program, folder, held, seconds, script="", made=()):
        self.program, self.output = program, pathlib.Path(folder) / "out.parquet"
        self.con, self.product = tables.connect(), worker.Worker(program, seconds)
        tables.load(self.con, held)
        self.con.execute(script)
        self.sources = tables.write(self.con, [*held, *made], pathlib.Path(folder))

    def reply(self, sql):
        """The product's reply; its rows are in `output`."""
        self.output.unlink(missing_ok=True)
        return self.product.ask({"sql": sql, "tables": self.sources, "output": str(self.output)})

    def difference(self, reply, other, **how):
        """What differs in the rows of a reply from DuckDB's of another text, or None."""
        try:
            answered(self.con, other, reply, compare.run(self.con, other), str(self.output), **how)
        except (compare.Difference, duckdb.Error) as e:
            return str(e)
        return None
