use spotmill_core::ids::Uri;
use spotmill_core::listing::PathPattern;

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
