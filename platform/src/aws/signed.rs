//! A request to a service of AWS whose SDK would cost more to compile than its one or two calls are worth: JSON out, JSON back,
//! signed as the SDKs sign. It does not retry: whoever asks does.

use super::error::{Fate, RequestError, bare, fate};
use aws_config::SdkConfig;
use aws_sdk_sts::config::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;
use serde_json::Value;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

/// What is asked.
pub struct Ask<'a> {
    /// As it is signed, and the first word of its host: `kms`.
    pub service: &'static str,
    pub method: &'static str,
    /// `/`, for services whose action is a header. With a query, if there is one.
    pub path: &'a str,
    /// `TrentService.GetKeyPolicy`; nothing where the path says it all.
    pub target: Option<&'static str>,
    /// Null: none.
    pub body: &'a Value,
}

/// Of one request; a check that takes longer has no answer.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn ask(config: &SdkConfig, ask: &Ask<'_>) -> Result<Value, RequestError> {
    Ok(serde_json::from_slice(&bytes(config, ask).await?).unwrap_or_default())
}

/// The answer as text, of services that answer in XML.
#[cfg(feature = "stacks")]
pub async fn ask_text(config: &SdkConfig, ask: &Ask<'_>) -> Result<String, RequestError> {
    Ok(String::from_utf8_lossy(&bytes(config, ask).await?).into_owned())
}

async fn bytes(config: &SdkConfig, ask: &Ask<'_>) -> Result<Vec<u8>, RequestError> {
    let (status, body) = send(config, ask).await.map_err(unanswered)?;
    match status {
        200..300 => Ok(body),
        _ => Err(refused(status, &serde_json::from_slice(&body).unwrap_or_default())),
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn send(config: &SdkConfig, ask: &Ask<'_>) -> Result<(u16, Vec<u8>), Failure> {
    let region = config.region().ok_or("no region is chosen")?.to_string();
    let endpoint = config.endpoint_url().map_or_else(|| host(ask.service, &region), str::to_owned);
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    let body = if ask.body.is_null() { Vec::new() } else { serde_json::to_vec(ask.body)? };
    // Where the action is a header, and where the path says it.
    let kind = if ask.target.is_some() { "application/x-amz-json-1.1" } else { "application/json" };
    let mut headers = vec![("content-type", kind)];
    headers.extend(ask.target.map(|target| ("x-amz-target", target)));
    let signature = signature(config, ask, &region, &endpoint, &headers, &body).await?;
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method(ask.method)?;
    request.set_uri(ask.path)?;
    let all = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).chain(signature);
    for (name, value) in all {
        request.headers_mut().try_insert(name, value)?;
    }
    let http = config.http_client().ok_or("no client is configured")?;
    let read = |response: &HttpResponse| -> Result<(u16, Vec<u8>), OrchestratorError<Infallible>> {
        Ok((response.status().as_u16(), response.body().bytes().unwrap_or_default().to_vec()))
    };
    let call = Operation::builder()
        .service_name(ask.service)
        .operation_name(ask.target.unwrap_or(ask.service))
        .http_client(http)
        .endpoint_url(&endpoint)
        .no_auth()
        .no_retry()
        .sleep_impl(config.sleep_impl().ok_or("no timer is configured")?)
        .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build())
        .serializer(|request: HttpRequest| Ok(request))
        .deserializer(read)
        .build();
    Ok(call.invoke(request).await?)
}

/// The headers that prove who asks.
async fn signature(
    config: &SdkConfig,
    ask: &Ask<'_>,
    region: &str,
    endpoint: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<(String, String)>, Failure> {
    let provider = config.credentials_provider().ok_or("no AWS credentials are found")?;
    let identity = Identity::from(provider.provide_credentials().await?);
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(ask.service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let uri = format!("{endpoint}{}", ask.path);
    let signable = SignableRequest::new(ask.method, uri, headers.iter().copied(), SignableBody::Bytes(body))?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn host(service: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{service}.{region}.{suffix}")
}

fn unanswered(source: Failure) -> RequestError {
    let (code, message) = (String::new(), source.to_string());
    RequestError { fate: Fate::Perhaps, status: None, code, message, region: None, source }
}

/// `{"__type": "com.amazonaws.kms#NotFoundException", "message": "…"}`
fn refused(status: u16, answer: &Value) -> RequestError {
    let text = |names: &[&str]| names.iter().find_map(|name| answer[*name].as_str()).unwrap_or_default().to_owned();
    let code = bare(&text(&["__type", "code"])).to_owned();
    let message = text(&["message", "Message"]);
    let source = format!("{code}: {message}").into();
    let mut found = RequestError { fate: Fate::Perhaps, status: Some(status), code, message, region: None, source };
    found.fate = fate(&found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_refuses_bears_its_name() {
        let e = refused(400, &serde_json::json!({"__type": "com.amazonaws.kms#NotFoundException", "message": "gone"}));
        assert_eq!((e.code.as_str(), e.message.as_str(), e.fate), ("NotFoundException", "gone", Fate::Refused));
        assert_eq!(refused(503, &Value::Null).fate, Fate::Perhaps);
        assert_eq!(refused(408, &Value::Null).fate, Fate::Perhaps, "as of every other request");
        let throttled = refused(503, &serde_json::json!({"__type": "ThrottlingException"}));
        assert_eq!((throttled.fate, throttled.throttled()), (Fate::Refused, true));
        assert_eq!(host("kms", "cn-north-1"), "https://kms.cn-north-1.amazonaws.com.cn");
        assert_eq!(host("access-analyzer", "eu-west-1"), "https://access-analyzer.eu-west-1.amazonaws.com");
    }
}
