//! A release of the functions: their program, the state machines and the template, under a prefix made of their content
//! and the stack's parameters. The same release is uploaded once; another one gets another prefix, which is what makes
//! CloudFormation publish new versions.

use super::elf::{self, Needs};
use super::table::{self, TEMPLATE};
use super::zip;
use crate::exit::{Stop, io};
use spotmill_core::digest;
use spotmill_core::ids::Uri;
use spotmill_platform::ports::{Store, StoreError};
use spotmill_statemachine::{PIPELINE_ASL, STEP_ASL};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The program that every function runs; its handler chooses the function.
pub const PROGRAM: &str = "bootstrap";
/// The archive of the program, below the release's prefix.
const ARCHIVE: &str = "functions.zip";

pub struct Release {
    path: PathBuf,
    sha256: String,
    pub needs: Needs,
}

impl Release {
    /// The program in `dir`, or where cargo-lambda and an installation put it.
    pub fn find(dir: Option<&Path>, any_glibc: bool) -> Result<Release, Stop> {
        let path = match dir {
            Some(dir) => program(dir).ok_or_else(|| {
                Stop::usage(format!("there is no program `{PROGRAM}` in {}", dir.display())).remedy(BUILD)
            })?,
            None => places().iter().find_map(|dir| program(dir)).ok_or_else(nowhere)?,
        };
        let needs = elf::read(&path, any_glibc)?;
        let sha256 = digest::sha256(&std::fs::read(&path).map_err(io("read", &path))?);
        Ok(Release { path, sha256, needs })
    }

    /// Where in the code bucket it lies, with these parameters of the stack.
    pub fn prefix(&self, stack: &str, parameters: &BTreeMap<String, String>) -> String {
        prefix(stack, &self.sha256, parameters)
    }

    /// Uploads what is not there yet; the number of files that were not.
    pub async fn upload(&self, store: &dyn Store, at: &Uri) -> Result<usize, Stop> {
        let mut sent = 0;
        let archive = at.join(ARCHIVE);
        if !stands(store, &archive).await? {
            let body = std::fs::read(&self.path).map_err(io("read", &self.path))?;
            let zipped = zip::one(PROGRAM, &body).map_err(io("pack", &self.path))?;
            put(store, &archive, &zipped).await?;
            sent += 1;
        }
        let texts = [("pipeline.asl.json", PIPELINE_ASL), ("step.asl.json", STEP_ASL), (table::FILE, TEMPLATE)];
        for (name, text) in texts {
            let to = at.join(name);
            if !stands(store, &to).await? {
                put(store, &to, text.as_bytes()).await?;
                sent += 1;
            }
        }
        Ok(sent)
    }
}

const BUILD: &str = "of a checkout build it: cargo lambda build --release --arm64 -p spotmill-lambdas (see docs/deploy.md), \
                     and name its directory with --lambdas";

fn nowhere() -> Stop {
    let places: Vec<String> = places().iter().map(|p| p.display().to_string()).collect();
    let release = super::installed::install_command();
    Stop::usage(format!("the functions' program is in none of {}", places.join(", ")))
        .remedy(format!("a release has it in the tarball, or by `{release}`; {BUILD}"))
}

fn places() -> Vec<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lambda");
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("lambda")));
    let built = [Some(PathBuf::from("target/lambda")), Some(checkout), beside].into_iter().flatten();
    super::installed::functions().into_iter().chain(built).collect()
}

/// As cargo-lambda lays them out, or plain.
fn program(dir: &Path) -> Option<PathBuf> {
    [dir.join(PROGRAM).join("bootstrap"), dir.join(PROGRAM)].into_iter().find(|path| path.is_file())
}

fn prefix(stack: &str, program: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut text = format!("{program}\n");
    for part in [PIPELINE_ASL, STEP_ASL, TEMPLATE] {
        text += &format!("{}\n", digest::sha256(part.as_bytes()));
    }
    let ours = parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "CodeBucket" | "CodeKeyPrefix"));
    ours.for_each(|(name, value)| text += &format!("{name}={value}\n"));
    format!("{stack}/{}", digest::short(text.as_bytes(), 32))
}

pub async fn stands(store: &dyn Store, uri: &Uri) -> Result<bool, Stop> {
    match store.head(uri).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound(_)) => Ok(false),
        Err(e) => Err(super::answers::of_store(e)),
    }
}

async fn put(store: &dyn Store, to: &Uri, body: &[u8]) -> Result<(), Stop> {
    store.put(to, body).await.map_err(super::answers::of_store)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: &str, days: &str, bucket: &str) -> String {
        let parameters = [("ScratchDays", days), ("CodeBucket", bucket)];
        let parameters = parameters.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        prefix("s", program, &parameters)
    }

    #[test]
    fn a_release_is_named_by_what_is_in_it() {
        let one = of("aa", "15", "b");
        assert_eq!(one, of("aa", "15", "other"), "where it lies is no part of it");
        assert_ne!(one, of("ab", "15", "b"), "another program");
        assert_ne!(one, of("aa", "16", "b"), "other parameters are published with it");
        assert!(one.starts_with("s/") && one.len() == 34);
    }

    #[test]
    fn both_layouts_are_found_and_what_is_missing_is_named() {
        let exe = std::env::current_exe().unwrap();
        let (plain, cargo_lambda) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::copy(&exe, plain.path().join(PROGRAM)).unwrap();
        std::fs::create_dir(cargo_lambda.path().join(PROGRAM)).unwrap();
        std::os::unix::fs::symlink(&exe, cargo_lambda.path().join(PROGRAM).join("bootstrap")).unwrap();
        for dir in [&plain, &cargo_lambda] {
            let release = Release::find(Some(dir.path()), true).expect("found");
            assert_eq!(release.needs.architecture.machine(), std::env::consts::ARCH);
        }
        std::fs::remove_file(plain.path().join(PROGRAM)).unwrap();
        let stop = Release::find(Some(plain.path()), true).err().expect("refused");
        assert!(stop.message.contains("`bootstrap`"), "{}", stop.message);
    }
}
