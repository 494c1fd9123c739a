//! The examples inside this program: whole directories that run as they are, without a network. Flights are real days;
//! logs and tpch are made by small generators, the same bytes on every machine.

mod logs;
mod random;
mod tpch;

/// A file of an example, below its directory.
pub type File = (String, Vec<u8>);

pub struct Example {
    pub files: Vec<File>,
    /// Options of the first run.
    pub run: Vec<String>,
}

macro_rules! template {
    ($($name:literal),* $(,)?) => {
        [$((file_of($name), include_bytes!(concat!("../../template/", $name)).to_vec())),*]
    };
}

/// Files that the example of the repository has too.
macro_rules! flights {
    ($($name:literal),* $(,)?) => {
        [$(($name.to_owned(), include_bytes!(concat!("../../../examples/flights/", $name)).to_vec())),*]
    };
}

/// `logs/sql/sessions.sql` is `sql/sessions.sql` of its example.
fn file_of(template: &str) -> String {
    template.split_once('/').map_or(template, |(_, file)| file).to_owned()
}

fn on(dates: &str) -> Vec<String> {
    vec!["--date".to_owned(), dates.to_owned()]
}

/// Ten orders and an explanation of every key.
pub fn orders() -> Example {
    let files = template![
        "shop/sql/clean.sql",
        "shop/data/orders-2026-01-01.csv",
        "shop/tests/clean.toml",
        "shop/pipeline.toml",
    ];
    Example { files: files.into(), run: on("2026-01-01") }
}

/// Three days of flights from New York: clean, shuffle by carrier, reduce, combine.
pub fn flights() -> Example {
    let data = flights![
        "data/raw/2013-01-01.csv.gz",
        "data/raw/2013-01-02.csv.gz",
        "data/raw/2013-01-03.csv.gz",
        "data/airlines.csv",
        "sql/by_route.sql",
    ];
    let texts = template!["flights/sql/normalize.sql", "flights/sql/daily.sql", "flights/pipeline.toml"];
    Example { files: data.into_iter().chain(texts).collect(), run: on("2013-01-01..2013-01-03") }
}

/// Two days of a web site's logs: broken lines kept aside, sessions by a window, a summary.
pub fn logs() -> Example {
    let texts = template!["logs/sql/parse.sql", "logs/sql/sessions.sql", "logs/sql/summary.sql", "logs/pipeline.toml"];
    Example { files: logs::files().into_iter().chain(texts).collect(), run: on("2026-03-01..2026-03-02") }
}

/// TPC-H, a thousandth of it: two big tables joined bucket by bucket, small ones read whole.
pub fn tpch() -> Example {
    let texts = template!["tpch/sql/local_revenue.sql", "tpch/sql/by_nation.sql", "tpch/pipeline.toml"];
    Example { files: tpch::files().into_iter().chain(texts).collect(), run: Vec::new() }
}
