use spotmill_core::ids::Uri;
use spotmill_core::listing::{PathPattern, twice};

const THERE: &[&str] = &[
    "s3://b/in/a.csv",
    "s3://b/in/b.csv",
    "s3://b/in/b.csv.gz",
    "s3://b/in/_SUCCESS.csv",
    "s3://b/in/.hidden/c.csv",
    "s3://b/in/2013/c.csv",
    "s3://b/in/2013/",
    "s3://b/in/2013/01/d.csv",
    "s3://b/in/we[i]rd?.csv",
];

/// Names below `s3://b/in/` that match.
#[track_caller]
fn check(pattern: &str, expected: &[&str]) {
    let pattern = PathPattern::new(&format!("s3://b/in/{pattern}")).unwrap();
    let uris = THERE.iter().map(|u| Uri::from(*u));
    let found: Vec<String> = uris
        .filter(|u| u.as_str().starts_with(pattern.prefix.as_str()) && pattern.matches(u))
        .map(|u| u.as_str()["s3://b/in/".len()..].to_owned())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn globs() {
    check("a.csv", &["a.csv"]);
    check("*.csv", &["a.csv", "b.csv", "we[i]rd?.csv"]);
    check("b*", &["b.csv", "b.csv.gz"]);
    check("*/*.csv", &["2013/c.csv"]);
    check("**/*.csv", &["a.csv", "b.csv", "2013/c.csv", "2013/01/d.csv", "we[i]rd?.csv"]);
    check("2013/**", &["2013/c.csv", "2013/01/d.csv"]);
    check("_*.csv", &["_SUCCESS.csv"]);
    check("we[i]rd?.csv", &["we[i]rd?.csv"]);
    check("we[i]rd?.c*", &["we[i]rd?.csv"]);
    check("2013", &[]);
    assert!(PathPattern::new("s3://b/a**.csv").unwrap_err().contains("whole folder"));
}

/// A name that begins like bookkeeping is data where the pattern names it, and nowhere else; where the project lies
/// names nothing.
#[test]
fn where_a_pattern_lies_does_not_make_bookkeeping_data() {
    for (pattern, uri, expected) in [
        ("/w/p/data/**/*.csv", "/w/p/data/a.csv", true),
        ("/w/p/data/**/*.csv", "/w/p/data/_temporary/0/a.csv", false),
        ("/_work/p/data/**/*.csv", "/_work/p/data/a.csv", true),
        ("/_work/p/data/**/*.csv", "/_work/p/data/_temporary/0/a.csv", false),
        ("/home/.jobs/p/data/**/*.csv", "/home/.jobs/p/data/.stage/b.csv", false),
        ("/p/data/_raw/*.csv", "/p/data/_raw/a.csv", true),
        ("/p/data/_raw/*.csv", "/p/data/_raw/_a.csv", false),
        ("/p/*/_raw/*.csv", "/p/data/_raw/a.csv", true),
        ("/p/*/_raw/*.csv", "/p/_data/_raw/a.csv", false),
        ("/p/**/_raw/**/*.csv", "/p/x/_raw/y/a.csv", true),
        ("/p/**/_raw/**/*.csv", "/p/x/_raw/_raw/a.csv", false),
        ("/p/**/_*/*.csv", "/p/x/_y/a.csv", true),
        ("/p/**/_*.csv", "/p/x/_a.csv", true),
        ("/p/**/_*.csv", "/p/_x/_a.csv", false),
        ("/p/data/**", "/p/data/.spotmill/a.csv", false),
        ("/p/**/.hidden/*", "/p/.hidden/a.csv", true),
        ("/p/**/.hidden/*", "/p/.hidden/_a.csv", false),
    ] {
        assert_eq!(PathPattern::new(pattern).unwrap().matches(&uri.into()), expected, "{uri} by {pattern}");
    }
}

#[test]
fn two_names_of_one_file_are_found() {
    let (a, b, c) = (Uri::from("/in/a"), Uri::from("/in/b"), Uri::from("/in/c"));
    assert_eq!(twice([(&a, Some((1, 7))), (&b, Some((2, 7))), (&c, Some((1, 8)))]), None);
    assert_eq!(twice([(&a, Some((1, 7))), (&b, Some((2, 7))), (&c, Some((1, 7)))]), Some((&a, &c)));
    assert_eq!(twice([(&a, None::<u64>), (&b, None)]), None, "objects are what their names are");
}

#[test]
fn nothing_found_says_what_is_there() {
    let pattern = PathPattern::new("/data/raw/2013-01-02.csv").unwrap();
    let folders: Vec<String> = pattern.folders().iter().map(ToString::to_string).collect();
    assert_eq!(folders, ["/data/raw/", "/data/"]);
    let there = [Uri::from("/data/raw/2013-01-01.csv"), Uri::from("/data/raw/airlines.csv")];
    assert_eq!(
        pattern.nothing(Some((&folders[0].as_str().into(), &there))),
        "nothing matches /data/raw/2013-01-02.csv: /data/raw/ has 2 files, the nearest name is `2013-01-01.csv`"
    );
    assert!(pattern.nothing(None).ends_with("there is nothing at /data/raw/ or above it"));
    let s3 = PathPattern::new("s3://bucket/raw/x/*.csv").unwrap();
    let folders: Vec<String> = s3.folders().iter().map(ToString::to_string).collect();
    assert_eq!(folders, ["s3://bucket/raw/x/", "s3://bucket/raw/"], "a whole bucket is never listed");
}
