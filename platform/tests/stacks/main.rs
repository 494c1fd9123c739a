//! What a person at a terminal asks of an account, over the wire: a stack's whole life by change sets, executions, and
//! the bucket that code comes from. Permissions are not the emulator's; what answers mean is tested with the errors.

mod guards;

use aws_config::BehaviorVersion;
use aws_sdk_s3::config::{Credentials, Region};
use spotmill_core::ids::{ExecutionId, Uri};
use spotmill_emulator::{Emulator, REGION};
use spotmill_platform::aws::Aws;
use spotmill_platform::aws::stacks::{Changes, Made, Phase, Prepared, RunStatus, StackEvent, StackNow};
use spotmill_platform::ports::Store;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

const ACCOUNT: &str = "000000000000";

/// A machine that waits, so that there is something to stop, and a queue that is renamed by an update.
const TEMPLATE: &str = r#"
Parameters:
  Name: {Type: String}
  Release: {Type: String, Default: ''}
Conditions:
  HasRelease: !Not [!Equals [!Ref Release, '']]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Ref Name}
  Released:
    Type: AWS::StepFunctions::StateMachine
    Condition: HasRelease
    DependsOn: Queue
    Properties:
      RoleArn: !GetAtt Role.Arn
      DefinitionS3Location: {Bucket: !Ref Release, Key: step.asl.json}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: sts:AssumeRole}]
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn
      DefinitionString: '{"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 600, "End": true}}}'
Outputs:
  Machine: {Value: !Ref Machine}
  Queue: {Value: !Ref Queue}
"#;

fn emulator() -> &'static Emulator {
    static SHARED: OnceLock<Emulator> = OnceLock::new();
    SHARED.get_or_init(Emulator::start)
}

async fn aws() -> Aws {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::from_static(REGION))
        .endpoint_url(emulator().endpoint());
    Aws::load(loader).await
}

/// What is asked of stack `stack`, whose template lies in a bucket of its own.
async fn changes(aws: &Aws, stack: &str, create: bool, name: &str) -> Changes {
    let bucket = format!("code-of-{stack}");
    aws.buckets().make(&bucket, ACCOUNT, &[("spotmill:code", stack)]).await.expect("a bucket");
    let at = Uri::new(format!("s3://{bucket}/a/template.yaml"));
    aws.store().put(&at, TEMPLATE.as_bytes()).await.expect("uploaded");
    Changes {
        stack: stack.to_owned(),
        create,
        template_url: aws.buckets().url(&bucket, "a/template.yaml"),
        parameters: BTreeMap::from([("Name".to_owned(), name.to_owned())]),
        unchanged: Vec::new(),
        tags: BTreeMap::from([("spotmill:stack".to_owned(), stack.to_owned())]),
        name: format!("to-{name}"),
    }
}

/// Prepares, executes, follows.
async fn apply(aws: &Aws, changes: &Changes) -> (Option<StackNow>, Vec<StackEvent>) {
    let stacks = aws.stacks();
    let set = match stacks.prepare(changes).await.expect("prepared") {
        Prepared::Changes(set) => set,
        other => panic!("{other:?}"),
    };
    stacks.execute(&set).await.expect("executed");
    let mut events = Vec::new();
    let now = stacks.follow(&set.stack, 0, |e| events.push(e.clone())).await.expect("followed");
    (now, events)
}

#[tokio::test]
async fn a_stack_is_made_changed_and_gone() {
    let aws = aws().await;
    let stacks = aws.stacks();
    assert_eq!(stacks.find("life").await.expect("asked"), None);
    let create = changes(&aws, "life", true, "life-one").await;
    let (made, events) = apply(&aws, &create).await;
    let made = made.expect("there");
    assert_eq!((made.status.as_str(), made.phase()), ("CREATE_COMPLETE", Phase::Settled));
    assert!(made.outputs["Queue"].ends_with("/life-one"), "{:?}", made.outputs);
    assert_eq!(made.parameters["Name"], "life-one");
    assert_eq!(made.tags["spotmill:stack"], "life");
    let done = |events: &[StackEvent], resource: &str, status: &str| {
        events.iter().filter(|e| e.resource == resource && e.status == status).count()
    };
    assert_eq!(done(&events, "Queue", "CREATE_COMPLETE"), 1, "reported, and once: {events:?}");

    let same = Changes { create: false, name: "again".to_owned(), ..create.clone() };
    assert_eq!(stacks.prepare(&same).await.expect("asked"), Prepared::Nothing);

    let other = changes(&aws, "life", false, "life-two").await;
    match stacks.prepare(&other).await.expect("prepared") {
        Prepared::Changes(set) => {
            let queue = set.changes.iter().find(|c| c.resource == "Queue").expect("the queue changes");
            assert_eq!((queue.action.as_str(), queue.kind.as_str()), ("Modify", "AWS::SQS::Queue"));
            stacks.discard(&set.id).await.expect("discarded");
        }
        other => panic!("{other:?}"),
    }
    let before = stacks.find("life").await.expect("asked").expect("there");
    assert_eq!(before.parameters["Name"], "life-one", "looking changed nothing");
    let (changed, _) = apply(&aws, &Changes { name: "really".to_owned(), ..other }).await;
    assert_eq!(changed.expect("there").status, "UPDATE_COMPLETE");

    stacks.delete(&made.id).await.expect("deleted");
    assert_eq!(stacks.follow(&made.id, 0, |_| {}).await.expect("followed"), None);
    assert_eq!(stacks.find("life").await.expect("asked"), None);
}

#[tokio::test]
async fn a_creation_that_fails_says_why_and_can_be_cleared_away() {
    let aws = aws().await;
    let mut create = changes(&aws, "fails", true, "fails-one").await;
    create.parameters.insert("Release".to_owned(), "nobody-released-here".to_owned());
    let (now, events) = apply(&aws, &create).await;
    let now = now.expect("left behind");
    assert_eq!(now.phase(), Phase::Dead, "{}", now.status);
    let failed: Vec<&StackEvent> = events.iter().filter(|e| e.failed() && e.resource == "Released").collect();
    assert!(failed.iter().any(|e| !e.reason.is_empty()), "{events:?}");
    aws.stacks().delete(&now.id).await.expect("deleted");
    assert_eq!(aws.stacks().follow(&now.id, 0, |_| {}).await.expect("followed"), None);
}

#[tokio::test]
async fn executions_are_started_seen_and_stopped() {
    let aws = aws().await;
    let (now, _) = apply(&aws, &changes(&aws, "runs", true, "runs-one").await).await;
    let machine = now.expect("there").outputs["Machine"].clone();
    let runs = aws.runs();
    assert!(runs.running(&machine).await.expect("asked").is_empty());
    let id = runs.start(&machine, "flights-2013-01-01", r#"{"date": "2013-01-01"}"#).await.expect("started");
    let repeated = runs.start(&machine, "flights-2013-01-01", r#"{"date": "2013-01-01"}"#).await.expect("the same");
    assert_eq!(id, repeated, "a start whose reply was lost is asked again");
    let other = runs.start(&machine, "flights-2013-01-01", r#"{"date": "2013-01-02"}"#).await;
    assert!(other.is_err(), "the name of another start: {other:?}");
    let named: Vec<String> = runs.running(&machine).await.expect("asked").into_iter().map(|r| r.name).collect();
    assert_eq!(named, ["flights-2013-01-01"]);
    let status = async || runs.describe(&id).await.expect("asked").map(|now| now.status);
    assert_eq!(status().await, Some(RunStatus::Running));

    let mut entered = Vec::new();
    for _ in 0..50 {
        entered = runs.history(&id, 10).await.expect("asked").into_iter().map(|h| h.what).collect();
        if !entered.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(entered, ["Rest"]);

    runs.stop(&id, "Spotmill.Stopped", "spotmill stop").await.expect("stopped");
    for _ in 0..50 {
        if status().await != Some(RunStatus::Running) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status().await, Some(RunStatus::Aborted));
    runs.stop(&id, "Spotmill.Stopped", "again").await.expect("stopping what has ended is fine");
    let absent = ExecutionId::new(id.as_str().replace("flights", "nobody"));
    assert_eq!(runs.describe(&absent).await.expect("asked"), None);
    assert_eq!(runs.describe(&ExecutionId::new("local:1")).await.expect("asked"), None);
}

#[tokio::test]
async fn the_code_bucket_is_made_once() {
    let aws = aws().await;
    let buckets = aws.buckets();
    assert!(!buckets.exists("made-once", ACCOUNT).await.expect("asked"));
    assert_eq!(buckets.make("made-once", ACCOUNT, &[("a", "b")]).await.expect("made"), Made::Now);
    assert_eq!(buckets.make("made-once", ACCOUNT, &[("a", "b")]).await.expect("made"), Made::Before);
    assert!(buckets.exists("made-once", ACCOUNT).await.expect("asked"));
    let identity = aws.account().identity().await.expect("asked");
    assert_eq!(identity.account, ACCOUNT);
    assert!(!aws.account().has_role("AWSServiceRoleForNobody").await.expect("asked"));
}
