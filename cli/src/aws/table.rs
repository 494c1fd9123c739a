//! The template's parameters, as far as a deploy needs them: their names and defaults. They are read from the text of
//! our own template, whose form `tests` below checks.

use std::collections::BTreeMap;

/// The stack's template, compiled into this program.
pub const TEMPLATE: &str = include_str!("../../../infra/template.yaml");
/// Its name in the code bucket.
pub const FILE: &str = "template.yaml";

/// Every parameter with its default; none for those that a deploy must give.
pub fn parameters() -> BTreeMap<String, Option<String>> {
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    let lines = TEMPLATE.lines().skip_while(|line| *line != "Parameters:").skip(1);
    let mut name = String::new();
    for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let indent = line.len() - line.trim_start().len();
        match (indent, line.trim()) {
            (2, text) if text.ends_with(':') => {
                name = text.trim_end_matches(':').to_owned();
                found.insert(name.clone(), None);
            }
            (4, text) => {
                if let Some(value) = text.strip_prefix("Default: ") {
                    found.insert(name.clone(), Some(value.trim_matches(['\'', '"']).to_owned()));
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_from_the_template() {
        let all = parameters();
        let default = |name: &str| all.get(name).unwrap_or_else(|| panic!("no {name}")).clone();
        assert_eq!(default("ScratchDays").as_deref(), Some("15"));
        assert_eq!(default("Pipeline").as_deref(), Some(""));
        assert_eq!(default("PublishMachines").as_deref(), Some("true"));
        assert_eq!(default("ScheduleExpression").as_deref(), Some("cron(30 5 * * ? *)"));
        let given: Vec<&str> = all.iter().filter(|(_, d)| d.is_none()).map(|(name, _)| name.as_str()).collect();
        assert_eq!(given, ["BucketName", "CodeBucket", "CodeKeyPrefix"], "a deploy gives these");
        let written = TEMPLATE.split("\nParameters:\n").nth(1).unwrap().split("\nRules:").next().unwrap();
        assert_eq!(written.matches("\n    Type: ").count(), all.len());
    }
}
