//! A request's structure in a reply's names: `TagSpecification.1` is `tagSpecificationSet/item`.

use super::{Tree, Xml};

pub fn echo(tree: &Tree) -> Xml {
    tree.members().fold(Xml::new(), |xml, (name, member)| echo_member(xml, name, member))
}

fn echo_member(xml: Xml, name: &str, member: &Tree) -> Xml {
    if let Some(text) = member.own() {
        return xml.text(&lower_first(name), text);
    }
    if !member.is_list() {
        return xml.node(&lower_first(name), echo(member));
    }
    let items = member.items().into_iter().map(|item| (item.own().map(str::to_owned), echo(item)));
    let inner = items.fold(Xml::new(), |all, (text, nodes)| match text {
        Some(text) => all.text("item", text),
        None => all.node("item", nodes),
    });
    xml.node(&set_name(name), inner)
}

/// Lists get `Set`, but for the few that EC2 named otherwise.
fn set_name(name: &str) -> String {
    match name {
        "LaunchTemplateConfigs" | "Overrides" => lower_first(name),
        "LicenseSpecification" => "licenseSet".to_owned(),
        _ => format!("{}Set", lower_first(name)),
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_structures_and_values() {
        let form = [("TagSpecification.1.Tag.1.Key", "a"), ("ImageId", "ami-1"), ("SecurityGroupId.1", "sg-1")];
        let tree = Tree::parse(form.map(|(k, v)| (k.to_owned(), v.to_owned())));
        let document = echo(&tree).document("r", None);
        let expected = "<imageId>ami-1</imageId><securityGroupIdSet><item>sg-1</item></securityGroupIdSet>\
                        <tagSpecificationSet><item><tagSet><item><key>a</key></item></tagSet></item></tagSpecificationSet>";
        assert!(document.contains(expected), "{document}");
    }
}
