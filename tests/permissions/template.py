"""A CloudFormation template with its names resolved, as far as policies need it: parameters and conditions of one kind of
stack, and for every resource the name or ARN that it would get. It knows no AWS and calls nothing."""
import copy
import json
import pathlib
import re

import yaml

from evaluate import ACCOUNT, DATABASE, DATA_KEY, KEY, REGION, STACK, TABLE

NONE = object()
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": STACK, "AWS::NoValue": NONE}
GIVEN = {"BucketName": "etl-bucket", "CodeBucket": "code", "CodeKeyPrefix": "1"}
# Kinds of stacks: what a user sets.
KINDS = {
    "as it comes": {},
    "with a key": {"KmsKeyArn": KEY},
    "with further buckets": {"InputBucketArns": "arn:aws:s3:::acme-raw,arn:aws:s3:::acme-more", "OutputBucketArns": "arn:aws:s3:::acme-lake", "DataKeyArns": DATA_KEY},
    "with tables": {"TableArns": f"{TABLE},{TABLE}_more", "DatabaseArns": DATABASE},
}
# IAM's limits, in characters without white space.
MOST_POLICY, MOST_INLINE, MOST_ATTACHED = 6_144, 10_240, 10
# Names of them are one for all regions of an account.
GLOBAL = ("Budget", "Dashboard", "InstanceProfile", "ManagedPolicy", "Role")
# Its name counts within its state machine.
WITHIN = ("StateMachineAlias",)
# CloudFormation's, of a template that lies in a bucket.
MOST_TEMPLATE = 1_000_000


class Loader(yaml.SafeLoader):
    pass


def tagged(loader, suffix, node):
    name = {"Ref": "Ref", "Condition": "Condition"}.get(suffix, f"Fn::{suffix}")
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    make = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
    return {name: make(node, deep=True)}


Loader.add_multi_constructor("!", tagged)


def as_list(value):
    return value if isinstance(value, list) else [value]


class Template:
    def __init__(self, text, kind="everything", given=None):
        self.text, self.name = text, kind
        whole = yaml.load(text, Loader)
        self.resources, self.conditions = whole["Resources"], whole["Conditions"]
        self.parameters = {k: str(v.get("Default", "")) for k, v in whole["Parameters"].items()}
        # Everything that can be granted at all, for what looks at grants and not at calls.
        everything = {k: v for of in KINDS.values() for k, v in of.items()} if given is None else given
        self.parameters.update({**GIVEN, **everything})

    @classmethod
    def read(cls, path):
        return cls(pathlib.Path(path).read_text())

    def scenarios(self):
        """The same template, broken or not, for each kind of stack."""
        for kind, given in KINDS.items():
            made = copy.copy(self)
            made.name = kind
            made.parameters = {**self.parameters, **{k: "" for of in KINDS.values() for k in of}, **given}
            yield made

    def holds(self, condition):
        return self.true(self.conditions[condition])

    def true(self, of):
        (name, value), = of.items()
        if name == "Condition":
            return self.holds(value)
        if name == "Fn::Not":
            return not self.true(value[0])
        if name == "Fn::And":
            return all(self.true(v) for v in value)
        if name == "Fn::Or":
            return any(self.true(v) for v in value)
        one, other = (self.value(v) for v in value)
        return str(one) == str(other)

    def value(self, of):
        """With every name resolved; entries without a value are gone."""
        if isinstance(of, list):
            return [v for v in map(self.value, of) if v is not NONE]
        if not isinstance(of, dict):
            return of
        if len(of) == 1:
            (name, value), = of.items()
            if name == "Ref":
                return self.ref(value)
            if name == "Fn::GetAtt":
                return self.attribute(*as_list(value))
            if name == "Fn::Sub":
                text, names = value if isinstance(value, list) else (value, {})
                names = {k: self.value(v) for k, v in names.items()}
                return re.sub(r"\$\{([^}!]+)\}", lambda m: str(names.get(m[1], None) or self.named(m[1])), text)
            if name == "Fn::If":
                return self.value(value[1] if self.holds(value[0]) else value[2])
            if name == "Fn::Split":
                return self.value(value[1]).split(value[0])
            if name == "Fn::Join":
                return value[0].join(self.value(value[1]))
        return {k: v for k, v in ((k, self.value(v)) for k, v in of.items()) if v is not NONE}

    def named(self, name):
        return self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)

    def ref(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self.resources[name]["Type"].split("::")[-1]
        prefix = {"LaunchTemplate": "lt-", "Subnet": "subnet-", "SecurityGroup": "sg-"}.get(kind)
        if prefix:
            return prefix + name
        return self.arn(name) if kind in ("ManagedPolicy", "Topic", "StateMachine") else name

    def attribute(self, name, attribute):
        return self.arn(name) if attribute == "Arn" else f"{name}.{attribute}"

    def arn(self, name):
        properties, kind = self.resources[name].get("Properties", {}), self.resources[name]["Type"].split("::")[-1]
        at = f"{REGION}:{ACCOUNT}"
        return {
            "Bucket": lambda: f"arn:aws:s3:::{self.value(properties['BucketName'])}",
            "Queue": lambda: f"arn:aws:sqs:{at}:{self.value(properties['QueueName'])}",
            "LogGroup": lambda: f"arn:aws:logs:{at}:log-group:{self.value(properties['LogGroupName'])}:*",
            "Role": lambda: f"arn:aws:iam::{ACCOUNT}:role/{STACK}-{name}",
            "Function": lambda: f"arn:aws:lambda:{at}:function:{self.value(properties['FunctionName'])}",
            "StateMachine": lambda: f"arn:aws:states:{at}:stateMachine:{self.value(properties['Name'])}",
        }.get(kind, lambda: f"arn:aws:any:{at}:{name}")()

    def clashes(self):
        """Names that another stack of the account would want too: a second in the region, or one of this name in another."""
        for name, of in self.resources.items():
            kind, properties = of["Type"].split("::")[-1], of.get("Properties", {})
            for key, value in [*properties.items(), *properties.get("Budget", {}).items()]:
                if not key.endswith("Name") or key in ("MetricName", "ServiceName") or kind in WITHIN or "Ref" in value and value != {"Ref": "AWS::StackName"}:
                    continue
                wanted = {"AWS::StackName", *(["AWS::Region"] if kind in GLOBAL else [])}
                lacking = [part for part in sorted(wanted) if part not in json.dumps(value)]
                if lacking:
                    yield f"two stacks would both have the {key} of {name}: it lacks {', '.join(lacking)}"

    def roles(self):
        return [name for name, of in self.resources.items() if of["Type"] == "AWS::IAM::Role"]

    def callers(self):
        """By role, the handlers of the functions that have it; the machines' role is the worker's."""
        found = {"WorkerRole": ["worker"]}
        for of in self.resources.values():
            if of["Type"] == "AWS::Serverless::Function":
                role, handler = of["Properties"]["Role"]["Fn::GetAtt"][0], of["Properties"]["Handler"]
                found.setdefault(role, []).append(handler)
        return found

    def documents(self, role):
        """Name and document of each policy of a role: inline ones, and ours that are attached."""
        properties = self.resources[role]["Properties"]
        for policy in self.value(properties.get("Policies", [])):
            yield f"{role}/{policy['PolicyName']}", policy["PolicyDocument"]
        for attached in properties.get("ManagedPolicyArns", []):
            name = attached.get("Ref")
            if name in self.resources:
                yield name, self.value(self.resources[name]["Properties"]["PolicyDocument"])

    def statements(self, role):
        for _, document in self.documents(role):
            for statement in document["Statement"]:
                yield normal(statement)

    def resource_policies(self):
        """(ARNs that a policy is of, its statements) of buckets and queues."""
        for of in self.resources.values():
            properties = of.get("Properties", {})
            if of["Type"] == "AWS::SQS::QueuePolicy":
                on = [self.arn(queue["Ref"]) for queue in properties["Queues"]]
            elif of["Type"] == "AWS::S3::BucketPolicy":
                on = [self.arn(properties["Bucket"]["Ref"])]
            else:
                continue
            yield on, [normal(s) for s in self.value(properties["PolicyDocument"])["Statement"]]

    def endpoint(self):
        document = self.value(self.resources["S3Endpoint"]["Properties"]["PolicyDocument"])
        return [normal(s) for s in document["Statement"]]

    def too_large(self):
        for name, size, most in self.measured():
            if size > most:
                yield f"{name} has {size} characters, and AWS takes {most}"
        for role in self.roles():
            attached = len(self.resources[role]["Properties"].get("ManagedPolicyArns", []))
            if attached > MOST_ATTACHED:
                yield f"{role} has {attached} policies attached, and AWS takes {MOST_ATTACHED} unless asked for more"

    def measured(self):
        size = lambda of: len(re.sub(r"\s", "", json.dumps(of)))
        yield "the template", len(self.text.encode()), MOST_TEMPLATE
        for name, of in self.resources.items():
            if of["Type"] == "AWS::IAM::ManagedPolicy":
                yield name, size(self.value(of["Properties"]["PolicyDocument"])), MOST_POLICY
            elif of["Type"] == "AWS::IAM::Role":
                inline = [p["PolicyDocument"] for p in self.value(of["Properties"].get("Policies", []))]
                yield f"{name}, inline", sum(map(size, inline)), MOST_INLINE

    def sizes(self):
        fullest = sorted(self.measured(), key=lambda m: m[1] / m[2], reverse=True)[:3]
        return "permissions: fullest: " + ", ".join(f"{name} {size} of {most}" for name, size, most in fullest)


def normal(statement):
    return {**statement, "Action": as_list(statement["Action"]), "Resource": as_list(statement["Resource"])}
