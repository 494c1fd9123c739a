//! Who hears of a topic's notices, and has confirmed it. SNS answers in XML; of it a list of subscriptions is all that is read.

use super::AwsError;
use super::faults::escaped;
use crate::aws::signed::{Ask, ask_text};
use aws_config::SdkConfig;
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
        Ok(subscriptions(&found))
    }
}

fn subscriptions(xml: &str) -> Vec<Subscription> {
    let value = |member: &str, name: &str| {
        let (_, rest) = member.split_once(&format!("<{name}>"))?;
        Some(rest.split('<').next().unwrap_or_default().to_owned())
    };
    let members = xml.split("<member>").skip(1).filter_map(|rest| rest.split("</member>").next());
    members
        .filter_map(|member| {
            let confirmed = value(member, "SubscriptionArn").is_some_and(|arn| arn.starts_with("arn:"));
            Some(Subscription { protocol: value(member, "Protocol")?, confirmed })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_without_an_arn_is_not_confirmed() {
        let xml = "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions>\
            <member><TopicArn>arn:aws:sns:r:1:t</TopicArn><Protocol>email</Protocol>\
            <SubscriptionArn>arn:aws:sns:r:1:t:8</SubscriptionArn><Owner>1</Owner><Endpoint>a@b</Endpoint></member>\
            <member><TopicArn>arn:aws:sns:r:1:t</TopicArn><Protocol>email</Protocol>\
            <SubscriptionArn>PendingConfirmation</SubscriptionArn></member></Subscriptions>";
        let one = |confirmed| Subscription { protocol: "email".to_owned(), confirmed };
        assert_eq!(subscriptions(xml), [one(true), one(false)]);
        assert!(subscriptions("<x/>").is_empty());
    }
}
