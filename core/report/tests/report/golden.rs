//! The words of three pages, a good run's, one's with interruptions and a failed one's, in the order in which they are read.
//! What changes here changes for readers: `INSTA_UPDATE=always` writes the new words down.

use crate::sample::{Shape, run};
use spotmill_report::{compile, page};

/// The page's text, a block a line; drawings by their words.
fn words(page: &str) -> String {
    let body = &page[page.find("<body>").expect("a body")..];
    let mut text = String::new();
    let mut rest = body;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let end = at + rest[at..].find('>').expect("the end of a tag") + 1;
        let tag = rest[at..end].trim_start_matches(['<', '/']);
        rest = &rest[end..];
        if tag.starts_with("script") {
            rest = &rest[rest.find("</script>").map_or(0, |at| at + "</script>".len())..];
        }
        let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        let inline = ["span", "b", "code", "ins", "del", "time", "i", "a", "button"];
        text.push_str(match &*name {
            "td" | "th" | "dd" => " | ",
            name if inline.contains(&name) => " ",
            _ => "\n",
        });
    }
    let lines = text.lines().map(|line| {
        let line = line.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>();
        line.join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn check(name: &str, shape: &Shape) {
    let text = words(&page(&compile(&run(shape))).expect("a page"));
    insta::with_settings!({prepend_module_to_snapshot => false}, { insta::assert_snapshot!(name, text) });
}

#[test]
fn a_good_run_reads_well() {
    check("good", &Shape { items: 6, machines: 2, ..Shape::default() });
}

#[test]
fn a_run_with_interruptions_reads_well() {
    check("interrupted", &Shape { items: 12, machines: 3, interrupted: 2, ..Shape::default() });
}

#[test]
fn a_failed_run_reads_well() {
    let log_tail = "reading part-00007.csv.gz\nKilled: memory limit".to_owned();
    check("failed", &Shape { items: 8, machines: 2, failed: 1, log_tail, ..Shape::default() });
}
