//! What cannot run is refused before any machine is asked for, with what to mend.

use super::*;
use serde_json::json;

#[test]
fn what_cannot_run_is_refused_before_any_machine() {
    let project = copying("refusing", "copies", 1);
    let aws = aws();
    aws.deploy_project(&project, "refusing");
    let before = machines(&aws);
    let cases = [
        (json!({"pipeline": "nobodys", "date": DAY}), "no pipeline `nobodys` is deployed"),
        (json!({"pipeline": "refusing", "date": "2013-02-30"}), "`2013-02-30` is no date"),
        (json!({"pipeline": "refusing", "date": DAY, "from_step": "cpoy"}), "there is no step `cpoy`"),
        (json!({"pipeline": "refusing", "date": DAY, "parms": {}}), "parms"),
        (json!({"pipeline": "refusing", "date": DAY, "params": {"src": "s3://no-such-bucket/x"}}), "no-such-bucket"),
        (json!({"pipeline": "refusing", "date": "2013-01-02"}), "s3://lake/input/refusing/2013-01-02/*"),
    ];
    for (input, word) in cases {
        let run = aws.start_run(&input);
        let ended = ends(&aws, &run, "FAILED", PATIENCE);
        assert!(ended.cause.contains(word), "{input}: `{word}` is not in {}", ended.cause);
    }
    // By the command line, before an execution is started.
    let items = |from: u32| (from..from + 16_000).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let accept: Vec<String> = [10_000, 30_000, 50_000].map(|from| format!("copy={}", items(from))).to_vec();
    let too_long = ["start", "--date", DAY, "--accept", &accept[0], "--accept", &accept[1], "--accept", &accept[2]];
    let refused = [
        (&["start", "--date", "2013-02-30"][..], "2013-02-30"),
        (&["start", "--date", DAY, "--from-step", "cpoy"], "cpoy"),
        (&["start", "--date", DAY, "--param", "sorc=x"], "sorc"),
        (&too_long, "Step Functions takes 262144"),
    ];
    for (args, word) in refused {
        aws.spotmill(&project, args).code(2).says(word);
    }
    // A pipeline that does not validate is not deployed.
    project.edit("pipeline.toml", "transform = \"copies\"", "transform = \"cpies\"");
    aws.try_deploy(&project).code(3).says("cpies");
    assert_eq!(machines(&aws), before, "a machine was launched for nothing");
}
