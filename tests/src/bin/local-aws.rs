//! A world to try by hand: an AWS on this machine with the stack in it, the flights pipeline deployed and a day of it
//! started. It says where to look, and stays until Ctrl-C.

use spotmill_tests::local_aws::{BUCKET, LAKE, LocalAws, STACK};
use spotmill_tests::{Project, programs};
use std::time::Duration;

const DAY: &str = "2013-01-01";

fn main() {
    eprintln!("the emulator starts and `spotmill deploy` makes the stack …");
    let (aws, project) = (LocalAws::start(), Project::flights().on_aws("flights"));
    aws.deploy_project(&project, "flights");
    let run = aws.start_run(&aws.input("flights", DAY));
    println!("# In another terminal, to look around:");
    for (name, value) in aws.env() {
        println!("export {name}={value}");
    }
    println!("export PATH={}:{}", programs().lambdas.display(), aws.emulator.path());
    println!("cd {}", project.path("").display());
    println!("spotmill status");
    println!("spotmill --target aws show flights/{DAY}");
    println!("spotmill start --date 2013-01-02 --wait");
    println!("aws stepfunctions describe-execution --execution-arn {run}");
    println!("aws s3 ls --recursive s3://{BUCKET}/runs/");
    println!("# Machines (stack {STACK}) and what they say: {}/*/console.log", aws.ec2.root().display());
    let ended = aws.wait(&run, Duration::from_secs(600));
    println!("# {} {} {}", ended.status, ended.error, ended.cause);
    println!("# published: aws s3 ls --recursive s3://{LAKE}/output/");
    println!("# Ctrl-C ends this world.");
    loop {
        std::thread::park();
    }
}
