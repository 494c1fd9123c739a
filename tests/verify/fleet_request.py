#!/usr/bin/env python3
"""Holds the calls that launch a fleet against AWS's own model of EC2, as botocore carries it.

Reads the goldens of `core/ec2` (or the JSON files named), each the input of one operation, and checks what AWS's
SDK would check before it sends them (fields, types, required members, lengths) and what it would not: values of enums,
and the limits that EC2 states in words only. Needs `pip install botocore`.
"""
import json
import pathlib
import sys

import botocore.session
from botocore.validate import ParamValidator

ROOT = pathlib.Path(__file__).resolve().parents[2]
SNAPSHOTS = "core/ec2/src/snapshots/spotmill_ec2__tests__"
GOLDENS = [
    ("CreateFleet", SNAPSHOTS + "create-fleet.snap"),
    ("CreateFleet", SNAPSHOTS + "create-fleet-narrow.snap"),
    ("CreateFleet", SNAPSHOTS + "create-fleet-on-demand.snap"),
    ("CreateLaunchTemplateVersion", SNAPSHOTS + "template-version.snap"),
]


def load(path):
    text = pathlib.Path(path).read_text()
    return json.loads(text.split("---", 2)[2] if text.startswith("---") else text)


def breaches(shape, value, path):
    """Values that no enum of the model has."""
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from breaches(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for n, member in enumerate(value):
            yield from breaches(shape.member, member, f"{path}[{n}]")
    elif shape.type_name == "string" and getattr(shape, "enum", []) and value not in shape.enum:
        yield f"{path}: {value!r} is none of {', '.join(shape.enum)}"


def check(model, operation, call):
    shape = model.operation_model(operation).input_shape
    report = ParamValidator().validate(call, shape)
    if report.has_errors():
        yield f"{operation}: {report.generate_report()}"
        return
    yield from breaches(shape, call, operation)


def rules(call):
    """What EC2 says in words, not in its model."""
    requirements = [o["InstanceRequirements"] for c in call["LaunchTemplateConfigs"] for o in c["Overrides"]]
    if len(requirements) > 4:
        yield f"{len(requirements)} sets of requirements; a fleet takes 4"
    if any(len(r["AllowedInstanceTypes"]) > 400 for r in requirements):
        yield "more than 400 allowed instance types"
    if len(call["ClientToken"]) > 64:
        yield "a client token of more than 64 characters"


def self_test(model):
    good = load(ROOT / GOLDENS[0][1])
    for field, value in [("Type", "maintained"), ("Tipe", "maintain"), ("ReplaceUnhealthyInstances", "yes"),
                         ("LaunchTemplateConfigs", None)]:
        assert list(check(model, "CreateFleet", {**good, field: value})), f"{field}={value!r} passed"
    assert list(rules({**good, "ClientToken": "x" * 65}))


def main():
    model = botocore.session.get_session().get_service_model("ec2")
    self_test(model)
    found = []
    for operation, golden in GOLDENS:
        call = load(ROOT / golden)
        found += check(model, operation, call)
        found += rules(call) if operation == "CreateFleet" else []
    for breach in found:
        print(f"fleet request: {breach}")
    if found:
        sys.exit(1)
    print(f"fleet request: {len(GOLDENS)} calls fit EC2's model {model.api_version}")


if __name__ == "__main__":
    main()
