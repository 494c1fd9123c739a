//! `init --worker`: a crate for functions of one's own that builds outside of Spotmill's repository, with the versions, the
//! processor and the profile that this program was built with. Where the library comes from is decided here: Spotmill is in no
//! registry, so the crate names a git repository at this program's commit, or a checkout.

use crate::examples::File;
use crate::exit::{Stop, io};
use crate::worker;
use spotmill::{COMMIT, REPOSITORY};
use std::path::{Path, PathBuf};

/// The crate's directory, below the pipeline's.
const CRATE: &str = "worker";
/// What a pipeline that uses the crate has.
pub const KEY: &str = "[worker]\ncrate = \"worker\"";

/// Where the library comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The directory of the crate `spotmill-worker`.
    Path(PathBuf),
    Git {
        url: String,
        rev: String,
    },
}

/// What this program is known to be of.
struct Origin<'a> {
    repository: Option<&'a str>,
    commit: Option<&'a str>,
    /// The worker's crate in the checkout that it was built in, if it is still there.
    checkout: Option<PathBuf>,
}

/// The source that was named, else the one that this program is of.
pub fn source(path: Option<&Path>, git: Option<&str>) -> Result<Source, Stop> {
    let checkout = worker::stock_sources().parent().and_then(|dir| std::fs::canonicalize(dir).ok());
    let origin = Origin { repository: REPOSITORY, commit: COMMIT, checkout };
    let named = path.map(checkout_in).transpose()?;
    decide(named, git, origin)
}

fn decide(path: Option<PathBuf>, git: Option<&str>, origin: Origin) -> Result<Source, Stop> {
    if let Some(path) = path {
        return Ok(Source::Path(path));
    }
    // A commit with changes is in no repository.
    let commit = origin.commit.filter(|commit| !commit.contains('-'));
    match (git.or(origin.repository), commit, origin.checkout) {
        (Some(url), Some(rev), _) => Ok(Source::Git { url: url.to_owned(), rev: rev.to_owned() }),
        (_, _, Some(checkout)) if git.is_none() => Ok(Source::Path(checkout)),
        (_, None, _) => Err(Stop::usage("this build of spotmill does not say which commit it is of")
            .remedy("name a checkout of the same version: --worker --path DIR")),
        (None, _, _) => Err(Stop::usage("this build of spotmill does not say which repository it is of")
            .remedy("name it: --worker --git URL; or a checkout of the same version: --worker --path DIR")),
    }
}

/// The worker's crate in a checkout that the user names.
fn checkout_in(dir: &Path) -> Result<PathBuf, Stop> {
    let home = std::fs::canonicalize(dir).map_err(io("read", dir))?;
    let found = [home.join("worker"), home.clone()].into_iter().find(|place| {
        let manifest = std::fs::read_to_string(place.join("Cargo.toml")).unwrap_or_default();
        manifest.contains("name = \"spotmill-worker\"")
    });
    found.ok_or_else(|| {
        Stop::usage(format!("--path {}: there is no worker/Cargo.toml of Spotmill in it", dir.display()))
            .remedy("name the directory of a checkout of Spotmill")
    })
}

/// The crate's files, below the pipeline's directory.
pub fn files(source: &Source) -> Vec<File> {
    let manifest = include_str!("../template/worker/manifest.toml").replace("SOURCE", &dependency(source));
    let texts: [(&str, &[u8]); 6] = [
        (".cargo/config.toml", include_bytes!("../../.cargo/config.toml")),
        (".gitignore", b"/target/\n"),
        ("Cargo.lock", include_bytes!("../../Cargo.lock")),
        ("build.rs", include_bytes!("../../worker/build.rs")),
        ("src/main.rs", include_bytes!("../template/worker/main.rs")),
        ("Cargo.toml", manifest.as_bytes()),
    ];
    texts.into_iter().map(|(name, body)| (format!("{CRATE}/{name}"), body.to_vec())).collect()
}

fn dependency(source: &Source) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    match source {
        Source::Path(path) => format!("path = {}", quoted(&path.to_string_lossy())),
        Source::Git { url, rev } => format!("git = {}, rev = {}", quoted(url), quoted(rev)),
    }
}

/// A pipeline file that uses the crate: the key stands before the first step and the comment above it.
pub fn used_by(pipeline: &str) -> String {
    let lines: Vec<&str> = pipeline.lines().collect();
    let step = lines.iter().position(|line| line.starts_with("[[step]]")).unwrap_or(lines.len());
    let comments = lines[..step].iter().rev().take_while(|line| line.starts_with('#')).count();
    let (before, after) = lines.split_at(step - comments);
    let key = format!("{KEY}                        # your own functions: worker/src/main.rs");
    format!("{}\n\n{key}\n\n{}\n", before.join("\n").trim_end(), after.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin<'a>(repository: Option<&'a str>, commit: Option<&'a str>, checkout: Option<&str>) -> Origin<'a> {
        Origin { repository, commit, checkout: checkout.map(PathBuf::from) }
    }

    #[track_caller]
    fn check(git: Option<&str>, origin: Origin, expected: Result<&str, &str>) {
        let found = decide(None, git, origin);
        match expected {
            Ok(text) => assert_eq!(dependency(&found.expect("a source")), text),
            Err(text) => assert!(found.expect_err("refused").to_string().contains(text)),
        }
    }

    #[test]
    fn a_release_names_its_commit_and_a_checkout_itself() {
        let release = || origin(Some("https://h/r"), Some("c0ffee"), None);
        check(None, release(), Ok("git = \"https://h/r\", rev = \"c0ffee\""));
        check(Some("https://fork/r"), release(), Ok("git = \"https://fork/r\", rev = \"c0ffee\""));
        check(None, origin(None, None, Some("/src/worker")), Ok("path = \"/src/worker\""));
        check(None, origin(Some("https://h/r"), Some("c0ffee-changed"), Some("/w")), Ok("path = \"/w\""));
        check(Some("https://h/r"), origin(None, None, Some("/w")), Err("which commit"));
        check(None, origin(None, Some("c0ffee"), None), Err("--git URL"));
        check(None, origin(None, None, None), Err("--path DIR"));
        let named = decide(Some(PathBuf::from("/a\"b")), None, release()).expect("named");
        assert_eq!(dependency(&named), "path = \"/a\\\"b\"");
    }

    /// Another profile would compile the engine anew for whoever has built this repository.
    #[test]
    fn its_profile_is_the_one_of_this_repository() {
        let part = |text: &str, to: &str| {
            let from = text.find("[profile.dev]").expect("a profile");
            let part = &text[from..];
            part[..part.find(to).unwrap_or(part.len())].trim_end().to_owned()
        };
        let own = include_str!("../template/worker/manifest.toml");
        assert_eq!(part(own, "[profile.release]"), part(include_str!("../../Cargo.toml"), "[profile.release]"));
    }

    #[test]
    fn a_pipeline_gets_the_key_before_its_first_step() {
        let used = used_by("format = 1\n\n[params]\nx = 1\n\n# A map.\n# Its files.\n[[step]]\nname = \"a\"\n");
        let (before, after) = used.split_once(KEY).expect("the key");
        assert_eq!(before, "format = 1\n\n[params]\nx = 1\n\n");
        assert!(after.ends_with("main.rs\n\n# A map.\n# Its files.\n[[step]]\nname = \"a\"\n"), "{after}");
        assert_eq!(used.matches("[worker]").count(), 1);
    }
}
