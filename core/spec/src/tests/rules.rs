//! Every other refusal, by name and title. A case is an edit of a fixture and the lines `name: title` it leads to.

use super::{edited, reported};
use crate::{Sources, parse};

fn lines(sources: &Sources) -> Vec<String> {
    reported(sources).iter().map(|p| format!("{}: {}", p.name, p.title)).collect()
}

/// `flights` without the part that only warns.
fn flights(edits: &[(&str, &str)], want: &[&str]) {
    let quiet = (", max_change = \"40%\"", "");
    let all: Vec<(&str, &str)> = std::iter::once(quiet).chain(edits.iter().copied()).collect();
    assert_eq!(lines(&edited("flights", &all)), want, "{edits:?}");
}

fn suppliers(edits: &[(&str, &str)], want: &[&str]) {
    assert_eq!(lines(&edited("suppliers", edits)), want, "{edits:?}");
}

/// A step over files, with `head` in place of its first lines.
fn small(head: &str, rest: &str, want: &[&str]) {
    let toml = format!(
        "format = 1\n[pipeline]\nname = \"p\"\n[params]\ndate = \"date\"\nn = \"int8\"\n{head}\n\
         [[step]]\nname = \"one\"\n{rest}\n"
    );
    let sources = Sources { path: "p.toml".into(), toml, ..Default::default() };
    let got: Vec<String> = lines(&sources).into_iter().filter(|l| !l.starts_with("unused-")).collect();
    assert_eq!(got, want, "{head}\n{rest}");
}

const SQL: &str = "sql = \"SELECT * FROM input\"";

#[test]
fn shape() {
    small("x = 1", SQL, &["wrong-type: `params.x` takes a string or a table", "missing-key: `step` needs `input`"]);
    flights(&[("format = 1", "format = 2")], &["bad-format: format 2 is not known"]);
    flights(&[("vcpus      = 1", "vcpus = -1")], &["bad-value: `resources.vcpus` cannot be -1"]);
    flights(
        &[("on_empty     = \"fail\"", "on_empty = \"fial\"")],
        &["bad-value: `step.input.on_empty` cannot be \"fial\""],
    );
    flights(&[("[budget]", "[budgets]")], &["unknown-key: a pipeline has no key `budgets`"]);
    flights(
        &[("rows = \"same\"", "rows = \"same\"\nmemory = \"1 GiB\"")],
        &["unknown-key: `step` has no key `memory`"],
    );
    flights(
        &[("[pipeline]", "[pipelines]")],
        &["missing-key: a pipeline needs `pipeline`", "unknown-key: a pipeline has no key `pipelines`"],
    );
}

#[test]
fn a_pipeline_has_steps() {
    for steps in ["", "step = []\n"] {
        let toml = format!("format = 1\n{steps}[pipeline]\nname = \"p\"\n[params]\ndate = \"date\"\n");
        let got = lines(&Sources { path: "p.toml".into(), toml, ..Default::default() });
        assert!(got.len() == 1 && got[0].starts_with("missing-key: "), "{got:?}");
    }
}

#[test]
fn names_and_keys() {
    flights(&[("\"flights\"", "\"Flights\"")], &["bad-name: `Flights` cannot name a pipeline"]);
    let reserved =
        "bad-name: `spotmill_smoke_x` cannot name a pipeline: names that begin with `spotmill_smoke_` are reserved";
    flights(&[("\"flights\"", "\"spotmill_smoke_x\"")], &[reserved]);
    assert!(crate::parse_own(&edited("flights", &[("\"flights\"", "\"spotmill_smoke_x\"")])).is_ok());
    flights(&[("name = \"daily\"", "name = \"by_route\"")], &["duplicate-step: two steps are called `by_route`"]);
    flights(&[("step = \"by_route\"", "step = \"by_rout\"")], &["unknown-step: there is no step `by_rout`"]);
    flights(&[("[\"date\"]  ", "[\"dat\"]  ")], &["unknown-param: there is no param `dat`"]);
    flights(
        &[("[\"date\"]  ", "[\"out\"]  ")],
        &[
            "bad-key: `out` cannot be part of the key",
            "bad-schedule: a schedule's starts differ by their date, which is not in the key",
        ],
    );
    flights(&[("[\"date\"]  ", "[]  ")], &["bad-key: a run needs a key"]);
    suppliers(
        &[("key  = [\"scale\"]", "")],
        &["bad-key: `key` is [\"date\"] unless set, and there is no param `date`"],
    );
    suppliers(
        &[("as = \"totals\"", "as = \"select\"")],
        &["bad-name: `select` cannot name a table", "unknown-table: step `combine` has no table `totals`"],
    );
    suppliers(
        &[("as = \"totals\"", "as = \"nation\"")],
        &["duplicate-table: `nation` is the input", "unknown-table: step `combine` has no table `totals`"],
    );
}

#[test]
fn params_are_checked_where_they_are_declared() {
    flights(&[("default = 15", "default = 40000")], &["bad-param: the default is not a value of this param"]);
    flights(&[("min = 0", "min = 20")], &["bad-param: the default is not a value of this param"]);
    flights(
        &[("min = 0", "min = 0, max = -1")],
        &[
            "bad-param: the default is not a value of this param",
            "bad-param: no value is at least `min` and at most `max`",
        ],
    );
    flights(&[("type = \"date\" }", "type = \"date\", min = 1 }")], &["bad-param: `min` is for numbers"]);
    flights(&[("src = \"s3://acme-raw/flights\"", "sr = \"x\"")], &["unknown-param: there is no param `sr`"]);
    flights(&[("src = \"s3://acme-raw/flights\"", "src = \"a/../b\"")], &["bad-param: not a value of param `src`"]);
    flights(&[("f.arr_delay > $late_after ", "f.arr_delay > 15 ")], &["unused-param: nothing uses `late_after`"]);
    flights(&[("{date:%Y/%m}", "{src:%Y}")], &["bad-template: `src` is no date or timestamp, so it takes no pattern"]);
    flights(&[("{date:%Y/%m}", "{date:%Q}")], &["bad-template: `%Q` cannot be formatted"]);
    flights(&[("{date:%Y/%m}", "{date")], &["bad-template: `date/flights-{date` is no name of a param"]);
}

#[test]
fn a_schedule_starts_no_run_twice() {
    let cron = "cron = \"30 5 * * *\"";
    let whole = "cron = \"30 5 * * *\", timezone = \"America/New_York\", date = \"yesterday\"";
    flights(&[(cron, "cron = \"daily\"")], &["bad-schedule: `daily` is no cron expression"]);
    flights(&[(cron, "cron = \"30 24 * * *\"")], &["bad-schedule: `30 24 * * *` is no cron expression"]);
    flights(&[(cron, "cron = \"30 5 L * *\"")], &[]);
    let often = |unit| {
        format!("bad-schedule: it starts more than once {unit}, and those starts are one run: the second finds it done")
    };
    flights(&[(cron, "cron = \"30 5,17 * * *\"")], &[&often("a day")]);
    flights(
        &[(whole, "cron = \"5 * * * *\", hour = \"previous\"")],
        &["bad-schedule: a schedule of hours gives each run an hour"],
    );
    let hour = ("late_after = {", "hour = { type = \"int32\" }\nlate_after = {");
    let key = ("[\"date\"]  ", "[\"date\", \"hour\"]  ");
    let path = ("{date:%Y/%m}", "{date:%Y/%m}/{hour}");
    flights(
        &[(whole, "cron = \"5 * * * *\", hour = \"previous\""), hour, path],
        &["bad-schedule: its starts differ by their hour, which is not in the key"],
    );
    let (out, more) =
        (("by_route/date={date}", "by_route/date={date}/{hour}"), ("daily/date={date}", "daily/date={date}/{hour}"));
    let hourly =
        |schedule: &str, problems: &[&str]| flights(&[(whole, schedule), hour, path, key, out, more], problems);
    hourly("cron = \"5 * * * *\", hour = \"this\"", &[]);
    hourly("cron = \"5,35 * * * *\", hour = \"this\"", &[&often("an hour")]);
    hourly(
        "cron = \"5 * * * *\", hour = \"this\", timezone = \"Europe/Berlin\"",
        &["bad-schedule: hours of `Europe/Berlin` may come twice, when clocks are put back"],
    );
    hourly(
        "cron = \"5 * * * *\", hour = \"this\", date = \"today\"",
        &["bad-schedule: with `hour` the date is that hour's"],
    );
}

#[test]
fn inputs() {
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.txt\" }}"),
        &["unknown-format: the path's ending does not tell the format"],
    );
    small("", &format!("{SQL}\ninput = {{ path = \"a.ndjson\" }}"), &["no-columns: NDJSON needs `columns`"]);
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.parquet\", header = false }}"),
        &["misplaced-key: `header` has no meaning here"],
    );
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.feather\", header = false }}"),
        &["misplaced-key: `header` has no meaning here"],
    );
    small("", &format!("{SQL}\ninput = {{ path = \"a.arrow\" }}"), &[]);
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.parquet\", by = \"all\" }}"),
        &["misplaced-key: `by` is for a step"],
    );
    small("", &format!("{SQL}\ninput = {{ }}"), &["one-source: an input has `path` or `step`"]);
    small(
        "",
        &format!("{SQL}\ninput = {{ step = \"one\" }}"),
        &["missing-key: say what one item reads of the step", "cycle: steps wait for each other: one → one"],
    );
    small("", &format!("{SQL}\ninput = {{ path = \"../a.parquet\" }}"), &["bad-path: `..` is not allowed in a path"]);
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.csv\", columns = [\"a int32\", \"a int64\"] }}"),
        &["duplicate-column: column `a` is declared twice"],
    );
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.csv\", columns = [\"a\"] }}"),
        &["bad-column: \"a\" is no column"],
    );
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.csv\", columns = [\"a varchar(20)\"] }}"),
        &["bad-type: there is no type `varchar(20)`"],
    );
    small("", &format!("{SQL}\ninput = {{ path = \"a.csv\", columns = [\"a decimal(18, 4)\"] }}"), &[]);
    small(
        "",
        &format!(
            "{SQL}\ninput = {{ path = \"a.csv\", columns = [{{ name = \"a\", type = \"int8\", parse = \"%Y\" }}] }}"
        ),
        &["bad-column: `parse` is for dates and timestamps"],
    );
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.csv\", delimiter = \"||\" }}"),
        &["bad-value: a delimiter is one ASCII character"],
    );
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.csv\", max_bad_rows = 3 }}"),
        &["misplaced-key: `max_bad_rows` needs `on_bad_rows = \"reject\"`"],
    );
    small(
        "",
        &format!("{SQL}\ninput = {{ path = \"a.csv\", on_bad_rows = \"reject\", max_bad_rows = \"1\" }}"),
        &["bad-value: \"1\" is no share of rows"],
    );
    for (values, want) in [
        ("column = \"f\", from = 0, to = 63", None),
        ("column = \"f\", list = [\"a\", 1]", None),
        ("column = \"f\", list = [1, 1]", Some("bad-values: this value is twice in the list")),
        ("column = \"f\"", Some("bad-values: `values` names the items of a step")),
        ("column = \"f\", from = 1", Some("bad-values: `values` names the items of a step")),
        ("column = \"f\", from = 1, to = 0", Some("bad-values: `values` names the items of a step")),
        ("column = \"f\", from = 1, to = 2, list = [1]", Some("bad-values: `values` names the items of a step")),
        ("column = \"f\", from = 1, to = 1000001", Some("bad-values: a step has at most 1,000,000 items")),
        ("from = 1, to = 3", Some("missing-key: `step.input.values` needs `column`")),
    ] {
        let want: Vec<&str> = want.into_iter().collect();
        small("", &format!("{SQL}\ninput = {{ path = \"a.parquet\", values = {{ {values} }} }}"), &want);
    }
}

#[test]
fn values_cut_the_whole_input() {
    let values = "values = { column = \"flight\", list = [1, 2] }";
    let title = "bad-values: `values` cuts the whole input";
    flights(
        &[
            ("by   = \"partition\" ", &format!("{values}\nby   = \"partition\" ")),
            ("unique = [\"carrier\"", "unique = [\"flight\""),
        ],
        &[title],
    );
    flights(
        &[("item_bytes   =", &format!("{values}\nitem_bytes ="))],
        &[
            "rows-left-out: `rows = \"same\"` cannot hold with `values` of `flight`",
            "misplaced-key: `item_bytes` has no meaning here",
        ],
    );
    flights(&[("by   = \"all\"", &format!("by   = \"all\"\n{values}"))], &[]);
}

#[test]
fn a_step_has_one_transform() {
    let input = "input = { path = \"a.parquet\" }";
    small("", input, &["one-transform: a step has `sql` or `transform`"]);
    small("", &format!("{SQL}\ntransform = \"t\"\n{input}"), &["one-transform: a step has `sql` or `transform`"]);
    small("", &format!("{SQL}\nwith = {{ a = 1 }}\n{input}"), &["misplaced-key: `with` has no meaning here"]);
    small("", &format!("transform = \"t\"\nwith = {{ a = 1, b = [\"x\"] }}\n{input}"), &[]);
    small("", &format!("sql = \"sql/nope.sql\"\n{input}"), &["missing-file: there is no file `sql/nope.sql`"]);
    small("", &format!("sql = \"SELEC 1\"\n{input}"), &["bad-sql: this SQL does not parse"]);
    small(
        "",
        &format!("{SQL}\n{input}\nexpect.check = [\"a > (SELECT 1)\", \"a > 0\", \"a >\", \"a > $n AND b < $m\"]"),
        &[
            "undeclared-read: a check is a condition on one row",
            "bad-sql: this SQL does not parse",
            "unknown-param: there is no param `m`",
        ],
    );
}

#[test]
fn outputs() {
    flights(
        &[("partition_by = [\"carrier\"]", "partition_by = [\"carrier\"]\nbucket_by = [\"dest\"]\nbuckets = 3")],
        &["two-layouts: an output has partitions or buckets, not both"],
    );
    suppliers(&[("buckets   = 32", "")], &["missing-key: `bucket_by` needs `buckets`"]);
    suppliers(&[("buckets   = 32", "buckets = 0")], &["bad-value: `buckets` is 1 to 99,999"]);
    suppliers(
        &[("bucket_by = [\"l_suppkey\"]", "")],
        &[
            "missing-key: `buckets` needs `bucket_by`",
            "not-partitioned: `by = \"partition\"`, but `shuffle` writes no partitions",
        ],
    );
    flights(
        &[("{out}/daily/date={date}", "{out}/by_route/date={date}/x")],
        &["shared-destination: `by_route` and `daily` would publish into each other"],
    );
    let anywhere = ("\"{src}/airlines.csv\"", "\"{src}/**/*.parquet\"\nformat = \"parquet\"");
    flights(
        &[anywhere, ("{out}/daily/date={date}", "{src}/daily/{date}")],
        &["destination-in-input: the destination of `daily`, {src}/daily/{date}, lies in the input {src}/**/*.parquet"],
    );
    flights(&[anywhere], &[]);
    flights(&[("\"{out}/daily/date={date}\"", "\"{out}/daily\"\nreplace = \"all\"")], &[]);
    flights(&[("\"{out}/daily/date={date}\"", "\"{out}/{date}/*\"")], &["bad-path: a destination names one place"]);
    flights(
        &[("sort_by      =", "format = \"csv\"\nsort_by =")],
        &[
            "not-parquet: an intermediate output is Parquet",
            "not-parquet: `normalize` writes CSV; steps read only Parquet",
        ],
    );
    flights(
        &[("\"{out}/daily/date={date}\"", "\"{out}/daily/date={date}\"\nformat = \"arrow\"")],
        &["bad-value: files are not written as Arrow"],
    );
    flights(
        &[("\"{out}/daily/date={date}\"", "\"{out}/daily/date={date}\"\nformat = \"csv\"\ncompression = \"lz4\"")],
        &["bad-value: text is compressed with gzip or zstd"],
    );
    flights(
        &[(
            "\"{out}/daily/date={date}\"",
            "\"{out}/daily/date={date}\"\nformat = \"csv\"\nheader = false\nfile_bytes = \"128 MB\"",
        )],
        &[],
    );
    flights(
        &[(
            "sort_by      = [\"origin\", \"dest\"]",
            "header = true\nsort_by = [\"-origin\", { column = \"dest\", descending = true }]",
        )],
        &["misplaced-key: `header` has no meaning here"],
    );
    let delimited = |with: &str| format!("\"{{out}}/daily/date={{date}}\"\nformat = \"csv\"\ndelimiter = \"{with}\"");
    flights(&[("\"{out}/daily/date={date}\"", &delimited("\\t"))], &[]);
    flights(&[("\"{out}/daily/date={date}\"", &delimited(";"))], &["bad-value: files are written with commas or tabs"]);
    flights(
        &[("destination = \"{out}/daily/date={date}\"", "")],
        &["unused-step: nothing reads `daily`, and it has no destination"],
    );
}

#[test]
fn unique_must_follow_from_one_item() {
    let title = |step: &str| {
        format!("unique-unprovable: `unique` cannot be checked: two items of `{step}` may make the same row")
    };
    // Of partitions it is decided when types are resolved: `typed`.
    flights(&[("unique = [\"carrier\", \"origin\", \"dest\"]", "unique = [\"origin\", \"dest\"]")], &[]);
    flights(&[("not_null = [\"carrier\", \"origin\", \"dest\"]", "unique = [\"flight\"]")], &[&title("normalize")]);
    flights(&[("by   = \"partition\"  ", "by   = \"file\"  ")], &[&title("by_route")]);
    flights(&[("by   = \"partition\"  ", "by   = \"all\"  ")], &[]);
}

#[test]
fn resources() {
    flights(&[("\"16 GiB\"", "\"1 GiB\"")], &["bad-value: `max_memory` is less than `memory`"]);
    flights(&[("\"10m\"", "\"12h\"")], &["bad-value: an item cannot have this time-out"]);
    let deadline = |text: &str, want: &[&str]| {
        flights(&[("name = \"daily\"", &format!("name = \"daily\"\ndeadline = \"{text}\""))], want);
    };
    deadline("45m", &[]);
    deadline("1m", &["bad-value: a step cannot have this deadline"]);
    deadline("3d", &["bad-value: a step cannot have this deadline"]);
    deadline("noon", &["bad-duration: \"noon\" is no duration"]);
    flights(&[("\"10m\"", "\"ten\"")], &["bad-duration: \"ten\" is no duration"]);
    flights(&[("\"2h\"", "\"2\"")], &["bad-duration: \"2\" is no duration"]);
    flights(&[("\"x86_64\", \"arm64\"", "\"x86\"")], &["bad-value: `fleet.architectures` cannot be \"x86\""]);
    flights(&[("= 0.50", "= 0")], &["bad-value: `budget.usd_per_run` must be above 0"]);
    let rates = |text: &str| format!("[rates]\n{text}\n[budget]");
    flights(&[("[budget]", &rates("vcpu_hour = 0.05\nsqs_million = 1"))], &[]);
    let near = spotmill_core::rates::check("vcpu_hours", 0.05).expect_err("no rate");
    flights(&[("[budget]", &rates("vcpu_hours = 0.05"))], &[&format!("bad-rate: {near}")]);
    flights(&[("[budget]", &rates("vcpu_hour = -1"))], &["bad-rate: `vcpu_hour` must be 0 or more"]);
    let priced = super::parsed("flights", &[("[budget]", &rates("vcpu_hour = 0.05"))]);
    assert_eq!(priced.pipeline.rates.get("vcpu_hour"), Some(&0.05));
    let own = (
        "name = \"daily\"",
        "name = \"daily\"\nresources = { memory = \"4 GiB\", timeout = \"1h\", max_attempts = 1 }",
    );
    flights(&[own], &[]);
    let parsed = super::parsed("flights", &[own]);
    let r = &parsed.pipeline.step("daily").unwrap().resources;
    assert_eq!(
        (r.vcpus, r.memory_bytes, r.max_memory_bytes, r.timeout_secs, r.max_attempts),
        (1, 4 << 30, 16 << 30, 3600, 1)
    );
}

#[test]
fn fleets() {
    let fleet = |text: &str, want: &[&str]| flights(&[("[fleet]", &format!("[fleet]\n{text}"))], want);
    fleet("families = [\"c\", \"m7g\"]\ngenerations = [6, 7]", &[]);
    fleet("families = []", &["bad-value: no family is allowed"]);
    fleet("families = [\"x2g\"]", &["unknown-family: machines of family \"x2g\" are not used"]);
    fleet("generations = []", &["bad-value: no generation is allowed"]);
    fleet("generations = [7, 77]", &["bad-value: there is no generation 77 of machines"]);
    fleet("families = [\"m7g\"]\ngenerations = [8]", &["no-machine: `fleet.families` leaves no machine type"]);
    let x86 = ("[\"x86_64\", \"arm64\"]", "[\"x86_64\"]\ngenerations = [9]");
    flights(&[x86], &["no-machine: `fleet.generations` leaves no machine type"]);
    let greedy = [
        ("[fleet]", "[fleet]\nfamilies = [\"c\"]\ngenerations = [6]"),
        ("\"16 GiB\"", "\"512 GiB\""),
        ("\"2 GiB\"", "\"512 GiB\""),
    ];
    let title = "no-machine: no machine that `[fleet]` allows takes an item of step `normalize`";
    flights(&greedy, &[title]);
}

#[test]
fn inline_sql_is_pointed_into() {
    let sources = edited("suppliers", &[("SELECT l_suppkey, COUNT(*) AS lines", "SELECT l_suppkey, $nope AS lines")]);
    let problem = &parse(&sources).unwrap_err()[0];
    assert_eq!(&sources.toml[problem.span.clone().unwrap()], "$nope");
}
