//! The emulator answers, and leaves nothing behind.

use spotmill_emulator::Emulator;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

#[test]
fn it_answers_the_command_line_and_is_gone_when_dropped() {
    let emulator = Emulator::start();
    let made = emulator.aws(&["s3", "mb", "s3://a-bucket"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let listed = emulator.aws(&["s3", "ls"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("a-bucket"));
    let failed = emulator.aws(&["s3", "ls", "s3://no-such-bucket"]);
    assert!(!failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains("NoSuchBucket"));
    assert_eq!(emulator.aws(&["s3", "no-such-command"]).status.code(), Some(2));
    assert!(emulator.aws(&["s3", "ls"]).status.success(), "it answers after an error too");
    let (port, log) = (emulator.port(), emulator.log());
    drop(emulator);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "somebody listens still");
    assert!(!log.exists(), "its files are still there");
}

#[test]
fn two_do_not_meet() {
    let (one, other) = (Emulator::start(), Emulator::start());
    assert_ne!(one.port(), other.port());
    assert!(one.aws(&["s3", "mb", "s3://only-here"]).status.success());
    let listed = other.aws(&["s3", "ls"]);
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("only-here"));
}

#[test]
fn its_python_has_the_packages() {
    let emulator = Emulator::start();
    let program = "import ministack, samtranslator, botocore";
    assert!(Command::new(emulator.python()).args(["-c", program]).status().expect("python").success());
}

#[test]
fn it_answers_a_request_that_no_command_line_made() {
    let emulator = Emulator::start();
    let listed = emulator.post("AWSStepFunctions.ListStateMachines", "{}").expect("a reply");
    assert!(listed.contains("\"stateMachines\""), "{listed}");
    let refused = emulator.post("AWSStepFunctions.DescribeExecution", "{\"executionArn\": \"arn:aws:states:x\"}");
    assert!(refused.expect_err("there is none").contains("DescribeExecution"));
}
