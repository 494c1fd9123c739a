//! A form of the query protocol as a tree: `A.1.B=x` is `x` under B under the first of A.

use super::Ec2Error;
use std::collections::BTreeMap;
use std::str::FromStr;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    text: Option<String>,
    under: BTreeMap<String, Tree>,
}

impl Tree {
    pub fn leaf(text: impl Into<String>) -> Tree {
        Tree { text: Some(text.into()), under: BTreeMap::new() }
    }

    pub fn parse(pairs: impl IntoIterator<Item = (String, String)>) -> Tree {
        let mut root = Tree::default();
        for (path, value) in pairs {
            root.put(&path, Tree::leaf(value));
        }
        root
    }

    /// From JSON in the API's own names (`TagSpecifications`), as CloudFormation and the AWS CLI write them.
    pub fn from_json(json: &serde_json::Value) -> Tree {
        let mut tree = Tree::default();
        match json {
            serde_json::Value::Object(members) => {
                for (name, member) in members {
                    let name = if member.is_array() { list_name(name) } else { name };
                    tree.under.insert(name.to_owned(), Tree::from_json(member));
                }
            }
            serde_json::Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    tree.under.insert((at + 1).to_string(), Tree::from_json(item));
                }
            }
            serde_json::Value::String(text) => tree.text = Some(text.clone()),
            other => tree.text = Some(other.to_string()),
        }
        tree
    }

    pub fn put(&mut self, path: &str, value: Tree) {
        let mut at = self;
        for step in path.split('.') {
            at = at.under.entry(step.to_owned()).or_default();
        }
        *at = value;
    }

    pub fn remove(&mut self, name: &str) -> Option<Tree> {
        self.under.remove(name)
    }

    pub fn at(&self, path: &str) -> Option<&Tree> {
        path.split('.').try_fold(self, |at, step| at.under.get(step))
    }

    pub fn own(&self) -> Option<&str> {
        self.text.as_deref()
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path)?.own()
    }

    pub fn need(&self, path: &str) -> Result<&str, Ec2Error> {
        self.text(path).filter(|t| !t.is_empty()).ok_or_else(|| Ec2Error::missing(path))
    }

    pub fn parsed<T: FromStr>(&self, path: &str) -> Result<Option<T>, Ec2Error> {
        let Some(text) = self.text(path) else { return Ok(None) };
        let wrong = || Ec2Error::invalid(format!("Value ({text}) for parameter {path} is invalid."));
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// Members in order, names and trees.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.under.iter().map(|(name, tree)| (name.as_str(), tree))
    }

    pub fn is_list(&self) -> bool {
        !self.under.is_empty() && self.under.keys().all(|k| k.parse::<u32>().is_ok())
    }

    /// The items of the list at `path`, in the order of their numbers.
    pub fn list(&self, path: &str) -> Vec<&Tree> {
        self.at(path).map(Tree::items).unwrap_or_default()
    }

    pub fn items(&self) -> Vec<&Tree> {
        let mut items: Vec<(u32, &Tree)> = self.under.iter().filter_map(|(k, t)| Some((k.parse().ok()?, t))).collect();
        items.sort_by_key(|(number, _)| *number);
        items.into_iter().map(|(_, tree)| tree).collect()
    }

    pub fn texts(&self, path: &str) -> Vec<&str> {
        self.list(path).into_iter().filter_map(Tree::own).collect()
    }

    /// Every text under it by its path.
    pub fn leaves(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        self.gather("", &mut all);
        all
    }

    fn gather(&self, path: &str, all: &mut BTreeMap<String, String>) {
        all.extend(self.text.iter().map(|text| (path.to_owned(), text.clone())));
        for (name, tree) in &self.under {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            tree.gather(&path, all);
        }
    }

    /// Refuses members that are not in `allowed`, as EC2 does.
    pub fn only(&self, allowed: &[&str]) -> Result<(), Ec2Error> {
        match self.under.keys().find(|name| !allowed.contains(&name.as_str())) {
            Some(name) => Err(Ec2Error::new("UnknownParameter", format!("The parameter {name} is not recognized"))),
            None => Ok(()),
        }
    }
}

/// What a list is called in a form.
fn list_name(api: &str) -> &str {
    match api {
        "Overrides" | "LaunchTemplateConfigs" => api,
        "Groups" => "SecurityGroupId",
        "TagSpecifications"
        | "Tags"
        | "SecurityGroupIds"
        | "SecurityGroups"
        | "BlockDeviceMappings"
        | "NetworkInterfaces"
        | "CpuManufacturers"
        | "AllowedInstanceTypes"
        | "ExcludedInstanceTypes"
        | "InstanceGenerations"
        | "LicenseSpecifications" => &api[..api.len() - 1],
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let pairs = (1..=11).map(|n| (format!("Id.{n}"), n.to_string()));
        let expected: Vec<String> = (1..=11).map(|n| n.to_string()).collect();
        assert_eq!(Tree::parse(pairs).texts("Id"), expected);
    }

    #[test]
    fn json_and_form_are_the_same_tree() {
        let json = serde_json::json!({"TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a"}]}], "EbsOptimized": true});
        let form = [
            ("TagSpecification.1.ResourceType", "volume"),
            ("TagSpecification.1.Tag.1.Key", "a"),
            ("EbsOptimized", "true"),
        ];
        assert_eq!(Tree::from_json(&json), Tree::parse(form.map(|(k, v)| (k.to_owned(), v.to_owned()))));
    }
}
