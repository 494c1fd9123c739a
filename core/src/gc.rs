//! How files of a state's scratch area are laid out: whose they are, and which attempt made them.

use crate::ids::{RunId, Uri};

/// The run and the attempt's folder of a file in the scratch area; nothing of what is not laid out like one.
/// `{root}/scratch/{pipeline}/{key}/{step}/g{n}/{item}-{attempt}/…`
pub fn attempt_of(root: &Uri, file: &Uri) -> Option<(RunId, Uri)> {
    let prefix = root.join("scratch/");
    let tail = file.as_str().strip_prefix(prefix.as_str())?;
    let names: Vec<&str> = tail.split('/').collect();
    let [pipeline, key, step, generation, attempt, _file, ..] = names.as_slice() else { return None };
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let laid_out = generation.strip_prefix('g').is_some_and(number)
        && attempt.split_once('-').is_some_and(|(item, id)| item.len() >= 7 && number(item) && !id.is_empty());
    let folder = format!("{}{pipeline}/{key}/{step}/{generation}/{attempt}", prefix.as_str());
    laid_out.then(|| (RunId::new(format!("{pipeline}/{key}")), Uri::new(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_laid_out_like_an_attempt_is_looked_at() {
        let root = Uri::from("/p/.spotmill");
        let of = |tail: &str| attempt_of(&root, &root.join(tail)).map(|(run, folder)| format!("{run} {folder}"));
        let folder = "/p/.spotmill/scratch/p/2024-03-10/a/g1/0000000-x";
        assert_eq!(of("scratch/p/2024-03-10/a/g1/0000000-x/k=1/00000.parquet"), Some(format!("p/2024-03-10 {folder}")));
        for other in [
            "scratch/mine.txt",
            "runs/p/2024-03-10/a/g1/0000000-x/f",
            "scratch/p/d/a/g/0000000-x/f",
            "scratch/p/d/a/g1/notes/f",
            "scratch/p/d/a/g1/0000000-x",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
