//! Executions: a state machine of one task that waits for its token, which a queue hands out.

use crate::proxy::{Fault, Proxy};
use crate::world::{aws, aws_at, emulator, queue_settings};
use async_trait::async_trait;
use aws_sdk_sfn::types::ExecutionStatus;
use spotmill_core::ids::ExecutionId;
use spotmill_platform::aws::SqsQueues;
use spotmill_platform::contract;
use spotmill_platform::contract::executions::Waiting;
use spotmill_platform::ports::{ExecutionState, Executions, Queue, TokenReply};
use std::time::Duration;

struct World {
    client: aws_sdk_sfn::Client,
    queues: SqsQueues,
    machine: String,
}

impl World {
    async fn new(name: &str) -> World {
        let aws = aws().await;
        let queues = aws.queues(queue_settings(name));
        queues.create("tokens").await.expect("queue");
        let sqs = aws_sdk_sqs::Client::new(aws.config());
        let url = sqs.get_queue_url().queue_name(format!("{name}-tokens")).send().await.expect("url").queue_url;
        let definition = serde_json::json!({"StartAt": "Wait", "States": {"Wait": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
            "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"}}}});
        let client = aws_sdk_sfn::Client::new(aws.config());
        let made = client.create_state_machine().name(name).definition(definition.to_string());
        let made = made.role_arn("arn:aws:iam::000000000000:role/any").send().await.expect("state machine");
        World { client, queues, machine: made.state_machine_arn }
    }
}

#[async_trait]
impl Waiting for World {
    async fn start(&self) -> (ExecutionId, String) {
        let started = self.client.start_execution().state_machine_arn(&self.machine).send().await.expect("start");
        let wait = Duration::from_secs(20);
        let message = self.queues.receive("tokens", 1, wait, wait).await.expect("receive").remove(0);
        self.queues.delete("tokens", &message.receipt).await.expect("delete");
        (ExecutionId::new(started.execution_arn), message.body)
    }

    async fn ending(&self, execution: &ExecutionId) -> Result<String, (String, String)> {
        let ended = self.client.describe_execution().execution_arn(execution.as_str()).send().await.expect("describe");
        match ended.status {
            ExecutionStatus::Succeeded => Ok(ended.output.unwrap_or_default()),
            _ => Err((ended.error.unwrap_or_default(), ended.cause.unwrap_or_default())),
        }
    }

    fn nobody(&self) -> ExecutionId {
        ExecutionId::new(format!("{}:nobody", self.machine.replace(":stateMachine:", ":execution:")))
    }
}

#[tokio::test]
async fn executions_contract() {
    contract::executions::all(&aws().await.executions(), &World::new("contract").await).await;
}

#[tokio::test]
async fn an_aborted_execution_has_ended() {
    let (world, executions) = (World::new("aborted").await, aws().await.executions());
    // AWS closes its task's token as well; the emulator does not.
    let (id, _) = world.start().await;
    world.client.stop_execution().execution_arn(id.as_str()).send().await.expect("stop");
    assert_eq!(executions.state(&id).await.expect("state"), ExecutionState::Ended);
}

#[tokio::test]
async fn errors_of_step_functions_are_classified() {
    let proxy = Proxy::start(emulator().port(), "POST", vec![]).await;
    let executions = aws_at(&proxy.endpoint()).await.executions();
    for code in [
        r#"{"__type":"TaskTimedOut","message":"x"}"#,
        r#"{"__type":"com.amazonaws.swf.service.v2.model#TaskDoesNotExist","message":"x"}"#,
        r#"{"__type":"InvalidToken","message":"x"}"#,
    ] {
        proxy.next([Fault::Answer(400, code)]);
        assert_eq!(executions.send_success("token").await.expect("success"), TokenReply::Closed, "{code}");
    }
    let arn = ExecutionId::new("arn:aws:states:us-east-1:000000000000:execution:m:e");
    for code in [r#"{"__type":"ExecutionDoesNotExist","message":"x"}"#, r#"{"__type":"InvalidArn","message":"x"}"#] {
        proxy.next([Fault::Answer(400, code)]);
        assert_eq!(executions.state(&arn).await.expect("state"), ExecutionState::NotFound, "{code}");
    }
    let denied = r#"{"__type":"AccessDeniedException","message":"not you"}"#;
    proxy.next([Fault::Answer(400, denied), Fault::Answer(400, denied)]);
    let refused = executions.state(&arn).await.expect_err("refused").to_string();
    assert!(refused.contains(arn.as_str()) && refused.contains("not you"), "{refused}");
    assert!(executions.send_heartbeat("token").await.is_err());
    assert!(proxy.is_spent());
}
