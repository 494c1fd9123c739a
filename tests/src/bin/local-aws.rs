//! A world to try by hand: an AWS on this machine with the stack in it, the flights pipeline deployed and a day of it
//! started. It says where to look, and stays until Ctrl-C.

use spotmill_tests::Project;
use spotmill_tests::local_aws::{LocalAws, STACK};
use std::time::Duration;

const DAY: &str = "2013-01-01";

fn main() {
    let project = Project::flights();
    eprintln!("a local run freezes the pipeline …");
    project.spotmill(&["run", "--date", DAY]).code(0);
    eprintln!("the emulator starts and the stack is deployed …");
    let aws = LocalAws::start();
    aws.deploy_project(&project, "flights");
    let run = aws.start_run(&aws.input("flights", DAY));
    println!("# In another terminal, to look around with the AWS command line:");
    for (name, value) in aws.env() {
        println!("export {name}={value}");
    }
    println!("PATH={}", aws.emulator.path());
    println!("aws stepfunctions describe-execution --execution-arn {run}");
    println!("aws stepfunctions list-executions --state-machine-arn {}", aws.output("StepStateMachineArn"));
    println!("aws s3 ls --recursive s3://{}/runs/", aws.bucket());
    println!("# Machines (stack {STACK}) and what they say: {}/*/console.log", aws.ec2.root().display());
    let ended = aws.wait(&run, Duration::from_secs(600));
    println!("# {} {} {}", ended.status, ended.error, ended.cause);
    println!("# published: aws s3 ls --recursive s3://{}/output/", aws.bucket());
    println!("# Ctrl-C ends this world.");
    loop {
        std::thread::park();
    }
}
