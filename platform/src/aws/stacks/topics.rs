//! Who hears of a topic's notices, and has confirmed it. SNS answers in XML, which the SDKs' own reader reads; what is not such a
//! list is an error, not a topic without subscriptions.

use super::AwsError;
use super::faults::escaped;
use crate::aws::signed::{Ask, ask_text};
use aws_config::SdkConfig;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Topics {
    pub(super) config: SdkConfig,
}

/// Somebody, or something, that subscribed to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `email`, `sqs`, …
    pub protocol: String,
    pub confirmed: bool,
}

impl Topics {
    /// The first hundred subscriptions.
    pub async fn subscriptions(&self, topic: &str) -> Result<Vec<Subscription>, AwsError> {
        let path = format!("/?Action=ListSubscriptionsByTopic&TopicArn={}&Version=2010-03-31", escaped(topic));
        let ask = Ask { service: "sns", method: "GET", path: &path, target: None, body: &Value::Null };
        let found = ask_text(&self.config, &ask).await;
        let found = found.map_err(|e| AwsError::of("looking who gets notices", "sns:ListSubscriptionsByTopic", e))?;
        subscriptions(&found).map_err(|e| AwsError::Refused {
            what: format!("SNS does not answer as documented: {e}"),
            source: e.into(),
        })
    }
}

fn subscriptions(xml: &str) -> Result<Vec<Subscription>, XmlDecodeError> {
    let mut document = Document::new(xml);
    let mut answer = document.root_element()?;
    let mut result = tag(&mut answer, "ListSubscriptionsByTopicResult")?;
    let mut list = tag(&mut result, "Subscriptions")?;
    let mut all = Vec::new();
    while let Some(mut member) = list.next_tag() {
        let mut of = Subscription { protocol: String::new(), confirmed: false };
        while let Some(mut field) = member.next_tag() {
            match field.start_el().local() {
                "Protocol" => of.protocol = try_data(&mut field)?.into_owned(),
                "SubscriptionArn" => of.confirmed = try_data(&mut field)?.starts_with("arn:"),
                _ => {}
            }
        }
        all.push(of);
    }
    Ok(all)
}

/// The next tag of this name.
fn tag<'inp, 'a>(of: &'a mut ScopedDecoder<'inp, '_>, name: &str) -> Result<ScopedDecoder<'inp, 'a>, XmlDecodeError> {
    let found = of.next_tag().filter(|tag| tag.start_el().local() == name);
    found.ok_or_else(|| XmlDecodeError::custom(format!("no <{name}>")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_without_an_arn_is_not_confirmed() {
        let list = |members: &str| {
            let list = format!("<Subscriptions>{members}</Subscriptions><NextToken/>");
            let result = format!("<ListSubscriptionsByTopicResult>{list}</ListSubscriptionsByTopicResult>");
            let namespace = "http://sns.amazonaws.com/doc/2010-03-31/";
            format!(
                "<ListSubscriptionsByTopicResponse xmlns=\"{namespace}\">\n{result}\n<ResponseMetadata>\
                 <RequestId>1</RequestId></ResponseMetadata></ListSubscriptionsByTopicResponse>"
            )
        };
        let members = "<member><TopicArn>arn:aws:sns:r:1:t</TopicArn><Protocol>email</Protocol>\
            <SubscriptionArn>arn:aws:sns:r:1:t:8</SubscriptionArn><Owner>1</Owner><Endpoint>a&amp;b@c</Endpoint></member>\
            <member><TopicArn>arn:aws:sns:r:1:t</TopicArn><Protocol>email</Protocol>\
            <SubscriptionArn>PendingConfirmation</SubscriptionArn></member>";
        let one = |confirmed| Subscription { protocol: "email".to_owned(), confirmed };
        assert_eq!(subscriptions(&list(members)).expect("a list"), [one(true), one(false)]);
        assert!(subscriptions(&list("")).expect("an empty list").is_empty());
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_an_empty_one() {
        for other in ["", "<x/>", "{}", "<ListSubscriptionsByTopicResponse/>"] {
            assert!(subscriptions(other).is_err(), "{other}");
        }
    }
}
