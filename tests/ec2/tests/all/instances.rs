//! An instance knows itself by its metadata, sees a notice, and ends when its main process does.

use crate::harness::{Harness, read_soon};
use base64::Engine;
use spotmill_local_ec2::LocalEc2Config;
use std::time::Duration;

const METADATA: &str = r#"#!/bin/bash
imds=$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest
token=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token")
get() { curl -sS -o answer -w '%{http_code} ' -H "X-aws-ec2-metadata-token: $token" "$imds/$1"; cat answer; echo; : > answer; }
{
  curl -sS -o /dev/null -w '%{http_code}\n' "$imds/meta-data/instance-id"
  for path in instance-id instance-type placement/availability-zone placement/availability-zone-id placement/region \
    local-ipv4 tags/instance/spotmill:stack spot/instance-action events/recommendations/rebalance
  do get "meta-data/$path"; done
} > seen.part
get dynamic/instance-identity/document > document
mv seen.part seen
exec sleep 1000
"#;

#[tokio::test(flavor = "multi_thread")]
async fn metadata_needs_a_token_and_identifies_the_instance() {
    let at = Harness::start().await;
    let (fleet, seen) = at.running(METADATA, 2).await;
    let instance = seen.running()[0];
    let metadata = read_soon(&instance.dir.join("seen"));
    let ids = at.ec2.describe_instances().instance_ids(&instance.id).send().await.unwrap();
    let described = &ids.reservations()[0].instances()[0];
    let zone_id = described.placement().unwrap().availability_zone_id().unwrap();
    let expected = [
        "401".to_owned(),
        format!("200 {}", instance.id),
        format!("200 {}", instance.kind),
        format!("200 {}", instance.zone),
        format!("200 {zone_id}"),
        "200 us-east-1".to_owned(),
        format!("200 {}", described.private_ip_address().unwrap()),
        "200 s".to_owned(),
        "404 ".to_owned(),
        "404 ".to_owned(),
    ];
    assert_eq!(metadata.lines().collect::<Vec<_>>(), expected);
    let document = std::fs::read_to_string(instance.dir.join("document")).unwrap();
    assert!(document.contains(&format!("\"instanceId\":\"{}\"", instance.id)), "{document}");
    at.delete(&fleet).await;
}

const WATCHER: &str = r#"#!/bin/bash
imds=$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest
token=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token")
trap 'echo politely > asked' TERM
until curl -sSf -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/spot/instance-action" > notice.part 2> /dev/null
do sleep 0.1; done
echo >> notice.part
mv notice.part notice
while true; do sleep 0.1; done
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_seen_and_at_its_deadline_the_machine_is_gone() {
    let at = Harness::start().await;
    let (_, seen) = at.running(WATCHER, 2).await;
    let instance = seen.running()[0].clone();
    at.local.notice(&instance.id, Duration::from_secs(2)).unwrap();
    let notice = read_soon(&instance.dir.join("notice"));
    assert!(notice.starts_with(r#"{"action":"terminate","time":"20"#), "{notice}");
    let seen = at.wait_for("gone", |seen| seen.instances[0].ended_ms.is_some());
    let gone = &seen.instances[0];
    assert!(gone.ended_ms >= gone.notice_ms, "{gone:?}");
    assert!(!gone.dir.join("asked").exists(), "an interruption kills, it does not ask");
    at.wait_for("replaced", |seen| seen.running().iter().any(|i| i.id != instance.id));
    assert!(at.local.notice(&instance.id, Duration::ZERO).is_err(), "nobody interrupts the dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_main_process_that_ends_ends_the_instance_which_is_replaced() {
    let at = Harness::start().await;
    let script = "#!/bin/bash\necho to the console\nsleep 1000 &\nexit 3\n";
    at.fleet("ending", script, 2).await.send().await.unwrap();
    let seen = at.wait_for("replaced", |seen| seen.instances.len() >= 2 && seen.instances[0].ended_ms.is_some());
    let gone = &seen.instances[0];
    let reason = gone.reason.as_deref().unwrap();
    assert!(reason.starts_with("Client.InstanceInitiatedShutdown") && reason.contains('3'), "{reason}");
    let console = at.ec2.get_console_output().instance_id(&gone.id).send().await.unwrap();
    let console = base64::engine::general_purpose::STANDARD.decode(console.output().unwrap()).unwrap();
    assert_eq!(String::from_utf8_lossy(&console), "to the console\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_get_the_environment_of_the_configuration() {
    let env = [("GREETING".to_owned(), "hello".to_owned())].into();
    let at = Harness::with(LocalEc2Config { instance_env: env, ..LocalEc2Config::default() }).await;
    let script = "#!/bin/bash\necho \"$GREETING ${CARGO_MANIFEST_DIR-nothing else}\" > seen\nexec sleep 1000\n";
    let (_, seen) = at.running(script, 2).await;
    assert_eq!(read_soon(&seen.running()[0].dir.join("seen")), "hello nothing else\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_data_that_is_no_script_is_not_run() {
    let at = Harness::start().await;
    let (_, seen) = at.running("#cloud-config\n", 2).await;
    assert_eq!(seen.running()[0].pid, None);
    assert_eq!(at.running_console(&seen.running()[0].id), "user data does not begin with #!: it is not run\n");
}

impl Harness {
    fn running_console(&self, id: &str) -> String {
        let seen = self.local.snapshot();
        let instance = seen.instances.iter().find(|i| i.id == id).unwrap();
        std::fs::read_to_string(instance.dir.join("console.log")).unwrap()
    }
}
