//! Test support: writes down which calls of AWS this process makes, so that a table of each role's calls is a record and no
//! guess. Off unless the environment names a file; then each distinct call appends a line of JSON to it: who calls, the
//! service, and what of the request names the action and its resource. It keeps no data and no credentials.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The file's path.
const FILE: &str = "SPOTMILL_RECORD_CALLS";
/// Members of a request that name what it acts on.
const SUBJECTS: [&str; 6] = ["QueueUrl", "QueueName", "executionArn", "stateMachineArn", "ServiceCode", "SecretId"];

pub fn if_asked(client: SharedHttpClient) -> SharedHttpClient {
    let Some(file) = std::env::var_os(FILE) else { return client };
    // Lambda's own name for a function; a machine and a person have none.
    let caller = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let calls = Calls { file: file.into(), caller, seen: Mutex::default() };
    SharedHttpClient::new(Recording { inner: client, calls: Arc::new(calls) })
}

#[derive(Debug)]
struct Calls {
    file: PathBuf,
    caller: String,
    seen: Mutex<BTreeSet<String>>,
}

#[derive(Debug)]
struct Recording<C> {
    inner: C,
    calls: Arc<Calls>,
}

impl HttpClient for Recording<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Recording { inner, calls: Arc::clone(&self.calls) })
    }
}

impl HttpConnector for Recording<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.calls.record(&request);
        self.inner.call(request)
    }
}

impl Calls {
    /// A record that cannot be written is missed by whoever compares it; the call goes on.
    fn record(&self, request: &HttpRequest) {
        let Some(service) = service(request.headers().get("authorization").unwrap_or_default()) else { return };
        let line = serde_json::json!({
            "caller": self.caller,
            "service": service,
            "method": request.method(),
            "uri": request.uri().split_once("://").and_then(|(_, rest)| Some(rest.split_once('/')?.1)),
            "action": action(request),
            "subject": subject(request.body().bytes().unwrap_or_default()),
            "copies": request.headers().get("x-amz-copy-source"),
            "absent": request.headers().get("if-none-match"),
        })
        .to_string();
        if self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(line.clone()) {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.file);
            let _ = file.and_then(|mut file| file.write_all((line + "\n").as_bytes()));
        }
    }
}

/// `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`
fn service(authorization: &str) -> Option<&str> {
    authorization.split_once("Credential=")?.1.split('/').nth(3)
}

/// As the services that take a target or a form name it; S3 has a method and a path.
fn action(request: &HttpRequest) -> Option<String> {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.rsplit('.').next().map(str::to_owned);
    }
    let body = std::str::from_utf8(request.body().bytes()?).ok()?;
    body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned)
}

fn subject(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    SUBJECTS.iter().find_map(|name| body.get(name)?.as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_service_and_what_it_acts_on() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKID/20261129/us-east-1/sqs/aws4_request, SignedHeaders=host";
        assert_eq!(service(signed), Some("sqs"));
        assert_eq!(service(""), None);
        assert_eq!(subject(br#"{"QueueUrl":"http://q/etl-1","MessageBody":"x"}"#).as_deref(), Some("http://q/etl-1"));
        assert_eq!(subject(b"Action=DescribeFleets"), None);
    }

    #[test]
    fn each_call_is_written_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let calls = Calls { file: dir.path().join("calls"), caller: "etl-begin".into(), seen: Mutex::default() };
        let mut request = HttpRequest::new("Action=DescribeFleets&Version=2016-11-15".into());
        request.headers_mut().insert("authorization", "AWS4 Credential=K/D/R/ec2/aws4_request");
        request.set_uri("http://127.0.0.1:1/").expect("a URI");
        calls.record(&request);
        calls.record(&request);
        let text = std::fs::read_to_string(dir.path().join("calls")).expect("a record");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("\"action\":\"DescribeFleets\"") && text.contains("\"caller\":\"etl-begin\""), "{text}");
    }
}
