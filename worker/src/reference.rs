//! `functions`: what SQL has in this worker, as a list, one function in full, or as the page of the documentation.

use spotmill_core::item::{About, FunctionAbout, FunctionInfo};
use spotmill_core::nearest::nearest;

/// Every function and transform, with its signature, a sentence and an example; one entry for all names of a function.
pub fn list(about: &About) -> String {
    let mut out = format!("worker {}\n", about.version);
    let own: Vec<_> = about.functions.iter().filter(|f| f.custom).collect();
    if !own.is_empty() {
        out.push_str("\nfunctions of this worker\n");
        own.iter().for_each(|f| out.push_str(&format!("  {}{}\n", f.name, f.signature)));
    }
    if !about.transforms.is_empty() {
        out.push_str("\ntransforms\n");
        about.transforms.iter().for_each(|t| out.push_str(&format!("  {}\n", t.name)));
    }
    let mut kind = "";
    let mut listed: Vec<&str> = Vec::new();
    for function in &about.functions {
        let Some(more) = &function.about else { continue };
        if listed.contains(&function.signature.as_str()) {
            continue;
        }
        listed.push(&function.signature);
        if more.kind != kind {
            kind = &more.kind;
            out.push_str(&format!("\n{kind} functions\n"));
        }
        out.push_str(&format!("  {}\n", function.signature));
        out.push_str(&format!("      {}\n", more.description));
        out.push_str(&format!("      e.g. {} gives {}\n", more.example, more.result));
    }
    out.push_str("\nOne in full: functions NAME\n");
    out
}

/// The function with this name in any case, or what to write instead.
pub fn one<'a>(about: &'a About, name: &str) -> Result<&'a FunctionInfo, String> {
    let lower = name.to_lowercase();
    if let Some(found) = about.functions.iter().find(|f| f.name == lower) {
        return Ok(found);
    }
    let names: Vec<String> = about.functions.iter().map(|f| f.name.clone()).collect();
    let hint = spotmill_spec::sql::hint(&lower, None, &names);
    // A name that is a part of others is more often meant than a mistyped one.
    let alike: Vec<&str> = names.iter().map(String::as_str).filter(|n| lower.len() > 2 && n.contains(&lower)).collect();
    let has_near = nearest(&lower, names.iter().map(String::as_str)).is_some();
    let alike = match has_near || alike.is_empty() {
        true => String::new(),
        false => format!("; there are {}", alike.join(", ")),
    };
    Err(format!("there is no function `{name}`: {hint}{alike}"))
}

pub fn in_full(function: &FunctionInfo) -> String {
    match &function.about {
        Some(about) => rendered(function, about),
        None => format!("{}{}\na function of this worker\n", function.name, function.signature),
    }
}

fn rendered(function: &FunctionInfo, about: &FunctionAbout) -> String {
    let FunctionAbout { kind, description, aliases, example, result, differs } = about;
    let mut out = format!("{}\n\n{description}\n\n", function.signature);
    if !aliases.is_empty() {
        out.push_str(&format!("also     {}\n", aliases.join(", ")));
    }
    out.push_str(&format!("kind     {kind}\nexample  {example}\ngives    {result}\n"));
    if let Some(differs) = differs {
        out.push_str(&format!("DuckDB   {differs}\n"));
    }
    if example.contains(" FROM t") {
        out.push_str(&format!("\nthe table of the example:\n{}", spotmill_item::builtin::SAMPLE));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        spotmill_item::Functions::default().about()
    }

    #[test]
    fn a_function_is_found_by_each_of_its_names_in_any_case() {
        for name in ["substring", "SUBSTR", "ifnull", "quantile"] {
            let about = about();
            let found = one(&about, name).expect(name);
            assert!(in_full(found).contains("example  SELECT "), "{name}");
        }
    }

    #[test]
    fn an_unknown_function_is_answered_with_existing_names() {
        let refused = |name: &str| one(&about(), name).expect_err(name);
        assert_eq!(refused("legnth"), "there is no function `legnth`: did you mean `length`?");
        assert!(refused("array_agg").contains("STRING_AGG"));
        assert!(refused("regexp").contains("regexp_extract"), "{}", refused("regexp"));
    }

    #[test]
    fn the_list_has_each_function_once_and_no_codes_of_a_terminal() {
        let text = list(&about());
        assert_eq!(text.matches("substr(string, start").count(), 1);
        assert!(!text.contains('\u{1b}'));
    }
}
