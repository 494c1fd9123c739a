//! What a reader without eyes, without a network or without a script needs of the page.

use crate::sample::{Shape, run};
use spotmill_report::{Ends, compile, index, page};

fn pages() -> Vec<String> {
    let shapes = [
        Shape::default(),
        Shape { failed: 3, interrupted: 2, log_tail: "no".to_owned(), ..Shape::default() },
        Shape { items: 5_000, machines: 90, ..Shape::default() },
    ];
    let mut all: Vec<String> = shapes.iter().map(|shape| page(&compile(&run(shape))).expect("a page")).collect();
    let mut bare = run(&Shape { items: 0, machines: 0, ..Shape::default() });
    (bare.ledger, bare.good) = (None, None);
    bare.past.clear();
    all.push(page(&compile(&bare)).expect("a page"));
    let report = compile(&run(&Shape::default()));
    let ends = Ends::default().with("clicks", spotmill_report::End::of(&report).expect("an end"));
    all.push(index(&ends, 0).expect("a list"));
    all.push(index(&Ends::default(), 0).expect("an empty list"));
    all
}

/// The start tags of this name, with their attributes.
fn tags<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let begin = format!("<{name}");
    let found = page.match_indices(&begin).filter_map(|(at, _)| {
        let rest = &page[at + begin.len()..];
        let is_whole = rest.starts_with([' ', '>', '\n']);
        is_whole.then(|| &rest[..rest.find('>').unwrap_or(rest.len())])
    });
    found.collect()
}

#[test]
fn a_page_asks_nothing_of_a_network() {
    for page in pages() {
        for word in ["http://", "https://", "src=", "@import", "url(", "<link", "<iframe", "<object"] {
            assert!(!page.contains(word), "{word}");
        }
        let away = tags(&page, "a").iter().filter(|a| !a.contains("href=\"../runs/")).count();
        assert_eq!(away, 0, "links lead to the runs' own pages");
    }
}

#[test]
fn a_page_has_a_language_a_title_and_headings_in_order() {
    for page in pages() {
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{}", &page[..80]);
        assert!(page.contains("<meta name=\"viewport\"") && !tags(&page, "title").is_empty());
        let mut last = 0;
        for (at, _) in page.match_indices("<h") {
            let Some(level) = page[at + 2..].chars().next().and_then(|c| c.to_digit(10)) else { continue };
            assert!(level <= last + 1, "h{level} after h{last}");
            last = level;
        }
        assert_eq!(tags(&page, "h1").len(), 1);
    }
}

#[test]
fn drawings_have_words_and_tables_have_heads() {
    for page in pages() {
        for svg in tags(&page, "svg") {
            // An image has no parts of its own: what holds links is a group.
            assert!(svg.contains("role=\"img\"") || svg.contains("role=\"group\""), "{svg}");
            let label = svg.split("aria-labelledby=\"").nth(1).and_then(|rest| rest.split('"').next());
            let is_labelled = label.is_some_and(|id| page.contains(&format!("<title id=\"{id}\">")));
            assert!(is_labelled || svg.contains("aria-label=\""), "{svg}");
        }
        assert_eq!(tags(&page, "table").len(), tags(&page, "caption").len());
        assert!(tags(&page, "th").iter().all(|th| th.contains("scope=\"")), "every head has a scope");
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len(), "an id is there once");
        for id in page.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(distinct.contains(id), "{id}");
        }
    }
}

#[test]
fn tags_are_closed_in_order() {
    let void = ["meta", "br", "input", "rect", "path"];
    for page in pages() {
        let body = without(&without(&page, "<style>", "</style>"), "<script", "</script>");
        let mut open: Vec<String> = Vec::new();
        for part in body.split('<').skip(1) {
            let tag = part.split('>').next().unwrap_or_default();
            let name: String = tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            match tag {
                _ if tag.starts_with('!')
                    || tag.ends_with('/')
                    || (void.contains(&&*name) && !tag.starts_with('/')) =>
                {
                    // The paths and bars that hold a title are closed.
                    if !tag.ends_with('/') && ["rect", "path"].contains(&&*name) {
                        open.push(name);
                    }
                }
                _ if tag.starts_with('/') => assert_eq!(open.pop().as_deref(), Some(&*name), "{tag}"),
                _ => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

fn without(page: &str, begin: &str, end: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(at) = rest.find(begin) {
        text.push_str(&rest[..at]);
        let tail = &rest[at..];
        rest = &tail[tail.find(end).map_or(tail.len(), |to| to + end.len())..];
    }
    text + rest
}
