//! A release of the functions: their programs, the state machines and the template, under a prefix made of their
//! content and the stack's parameters. The same release is uploaded once; another one gets another prefix, which is
//! what makes CloudFormation publish new versions.

use super::elf::{self, Needs};
use super::{table, zip};
use crate::exit::{Code, Stop, io};
use spotmill_core::digest;
use spotmill_core::fleet::Architecture;
use spotmill_core::ids::Uri;
use spotmill_lambdas::FUNCTIONS;
use spotmill_platform::ports::{Store, StoreError};
use spotmill_statemachine::{PIPELINE_ASL, STEP_ASL};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The stack, as this program knows it.
pub const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

/// A function's program on this machine.
#[derive(Clone, Debug)]
pub struct Program {
    pub binary: &'static str,
    pub path: PathBuf,
    pub sha256: String,
    pub needs: Needs,
}

pub struct Release {
    programs: Vec<Program>,
    pub architecture: Architecture,
}

impl Release {
    /// The programs in `dir`, or where cargo-lambda and an installation put them.
    pub fn find(dir: Option<&Path>, any_glibc: bool) -> Result<Release, Stop> {
        let dir = match dir {
            Some(dir) => dir.to_owned(),
            None => places().into_iter().find(|dir| program(dir, "begin").is_some()).ok_or_else(nowhere)?,
        };
        let mut programs = Vec::new();
        for function in FUNCTIONS {
            let path = program(&dir, function.binary).ok_or_else(|| {
                let what = format!("there is no program `{}` in {}", function.binary, dir.display());
                Stop::usage(what).remedy(BUILD)
            })?;
            let needs = elf::read(&path, any_glibc)?;
            let sha256 = digest::sha256(&std::fs::read(&path).map_err(io("read", &path))?);
            programs.push(Program { binary: function.binary, path, sha256, needs });
        }
        let architecture = programs[0].needs.architecture;
        match programs.iter().find(|p| p.needs.architecture != architecture) {
            None => Ok(Release { programs, architecture }),
            Some(other) => {
                let (one, two) = (&programs[0], other.needs.architecture);
                let what = format!("`{}` is for {architecture}, `{}` for {two}", one.binary, other.binary);
                Err(Stop::new(Code::Invalid, what).remedy("build all functions for one architecture"))
            }
        }
    }

    /// Where in the code bucket it lies, with these parameters of the stack.
    pub fn prefix(&self, stack: &str, parameters: &BTreeMap<String, String>) -> String {
        let programs = self.programs.iter().map(|p| (p.binary, p.sha256.as_str()));
        prefix(stack, programs, parameters)
    }

    /// Uploads what is not there yet; the number of files that were not.
    pub async fn upload(&self, store: &dyn Store, at: &Uri) -> Result<usize, Stop> {
        let mut sent = 0;
        for p in &self.programs {
            let to = at.join(&format!("{}.zip", p.binary));
            if !stands(store, &to).await? {
                let body = std::fs::read(&p.path).map_err(io("read", &p.path))?;
                let zipped =
                    zip::one("bootstrap", &body).map_err(|e| Stop::failed(format!("{}: {e}", p.path.display())))?;
                put(store, &to, &zipped).await?;
                sent += 1;
            }
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

const BUILD: &str = "build them: cargo lambda build --release --arm64 -p spotmill-lambdas (see docs/deploy.md); \
                     name the directory with --lambdas";

fn nowhere() -> Stop {
    let places: Vec<String> = places().iter().map(|p| p.display().to_string()).collect();
    Stop::usage(format!("the functions' programs are in none of {}", places.join(", "))).remedy(BUILD)
}

fn places() -> Vec<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lambda");
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("lambda")));
    [Some(PathBuf::from("target/lambda")), Some(checkout), beside].into_iter().flatten().collect()
}

/// As cargo-lambda lays them out, or plain.
fn program(dir: &Path, binary: &str) -> Option<PathBuf> {
    [dir.join(binary).join("bootstrap"), dir.join(binary)].into_iter().find(|path| path.is_file())
}

fn prefix<'p>(
    stack: &str,
    programs: impl Iterator<Item = (&'p str, &'p str)>,
    parameters: &BTreeMap<String, String>,
) -> String {
    let mut text = String::new();
    programs.for_each(|(binary, sha256)| text += &format!("{binary} {sha256}\n"));
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

    fn of(begin: &str, days: &str, bucket: &str) -> String {
        let parameters = [("ScratchDays", days), ("CodeBucket", bucket)];
        let parameters = parameters.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        prefix("s", [("begin", begin)].into_iter(), &parameters)
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
        let dir = tempfile::tempdir().unwrap();
        let exe = std::env::current_exe().unwrap();
        for function in FUNCTIONS {
            let home = dir.path().join(function.binary);
            if function.binary == "reap" {
                std::fs::copy(&exe, &home).unwrap();
            } else {
                std::fs::create_dir(&home).unwrap();
                std::os::unix::fs::symlink(&exe, home.join("bootstrap")).unwrap();
            }
        }
        let release = Release::find(Some(dir.path()), true).expect("found");
        assert_eq!(release.architecture.machine(), std::env::consts::ARCH);
        std::fs::remove_file(dir.path().join("reap")).unwrap();
        let stop = Release::find(Some(dir.path()), true).err().expect("refused");
        assert!(stop.message.contains("`reap`"), "{}", stop.message);
    }
}
