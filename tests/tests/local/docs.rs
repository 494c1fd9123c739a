//! The commands that a page of docs/ prints, as a shell reads them, for the test that the page says runs them.

use crate::messages::typed;
use spotmill_tests::{Project, Ran, repository};

pub struct Printed {
    /// After the program's name.
    pub words: Vec<String>,
    /// Where the output goes, by `> FILE`.
    pub file: Option<String>,
    /// By `# exit N`; else 0.
    pub code: i32,
}

impl Printed {
    /// Whether this is one of its words.
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|own| own == word)
    }

    /// Types it, and holds it to its exit code.
    #[track_caller]
    pub fn run(&self, project: &Project) -> Ran {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let ran = typed(project, &words);
        ran.code(self.code);
        ran
    }
}

/// The text of a page, and the commands of all its blocks that name `test`.
pub fn commands(page: &str, test: &str) -> (String, Vec<Printed>) {
    let text = std::fs::read_to_string(repository().join(page)).expect("the page");
    let marked = format!("<!-- ci: tests/tests/local/{test} -->\n```sh\n");
    let blocks = text.split(&marked).skip(1).filter_map(|rest| rest.split("\n```").next());
    let found: Vec<Printed> = blocks.flat_map(str::lines).map(printed).collect();
    assert!(!found.is_empty(), "{page} has no block of {test}");
    (text, found)
}

/// A project without a pipeline, for pages that begin with `init`.
pub fn empty() -> Project {
    let project = Project::new("");
    std::fs::remove_file(project.path("pipeline.toml")).expect("removed");
    project
}

fn printed(line: &str) -> Printed {
    let (command, remark) = line.split_once(" #").unwrap_or((line, ""));
    let code = remark.trim().strip_prefix("exit ").and_then(|rest| rest.get(..1)?.parse().ok()).unwrap_or(0);
    let (command, file) = match command.split_once(" > ") {
        Some((command, file)) => (command, Some(file.trim().to_owned())),
        None => (command, None),
    };
    let mut words = words(command);
    assert!(words.first().is_some_and(|program| program == "spotmill"), "{line}");
    words.remove(0);
    Printed { words, file, code }
}

/// Words of a command line; single and double quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for c in line.trim().chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("a word").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
