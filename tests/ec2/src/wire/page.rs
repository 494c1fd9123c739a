//! Pages: a token states after which item, so that items which come and go between two calls are neither repeated nor
//! skipped.

use super::{Ec2Error, Tree, Xml};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::ops::RangeInclusive;

/// One page of `items` (a number that only grows, and the item), and the token of the next. `sizes`: what MaxResults
/// may be; the largest without it.
pub fn page<T>(
    request: &Tree,
    items: Vec<(u64, T)>,
    sizes: RangeInclusive<usize>,
) -> Result<(Vec<T>, Option<String>), Ec2Error> {
    let most = match request.parsed::<usize>("MaxResults")? {
        Some(asked) if !sizes.contains(&asked) => {
            let message = format!("Value ( {asked} ) for parameter maxResults is invalid. Expecting {sizes:?}.");
            return Err(Ec2Error::invalid(message));
        }
        Some(asked) => asked,
        None => *sizes.end(),
    };
    let after = request.text("NextToken").filter(|t| !t.is_empty()).map(position).transpose()?;
    let mut rest = items.into_iter().filter(|(number, _)| after.is_none_or(|after| *number > after));
    let taken: Vec<(u64, T)> = rest.by_ref().take(most).collect();
    let last = taken.last().map(|(number, _)| *number);
    let next = rest.next().and(last).map(|number| URL_SAFE_NO_PAD.encode(format!("after {number}")));
    Ok((taken.into_iter().map(|(_, item)| item).collect(), next))
}

fn position(token: &str) -> Result<u64, Ec2Error> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let number = decoded.and_then(|text| text.strip_prefix("after ").and_then(|n| n.parse().ok()));
    number.ok_or_else(|| Ec2Error::new("InvalidNextToken", format!("The token '{token}' is invalid")))
}

impl Xml {
    pub fn next_token(self, token: Option<String>) -> Xml {
        self.maybe("nextToken", token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_once() {
        let mut request = Tree::default();
        request.put("MaxResults", Tree::leaf("2"));
        let mut seen = Vec::new();
        loop {
            let items = (0..5).map(|n| (n, n)).collect();
            let (page, next) = page(&request, items, 1..=100).unwrap();
            seen.extend(page);
            let Some(next) = next else { break };
            request.put("NextToken", Tree::leaf(next));
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }
}
