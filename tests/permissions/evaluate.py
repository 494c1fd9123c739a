"""Would AWS allow a call? Identity policies have to allow it and nothing may deny it, the resource's own policy included; and
what a machine asks of S3 passes the endpoint of its network. As much of IAM as the template's policies use; a condition that
is not known here is an error, never a yes."""
import dataclasses
import fnmatch

REGION, ACCOUNT, STACK = "us-east-1", "123456789012", "etl"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
DATA_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/2"
CATALOG, DATABASE, TABLE = (f"arn:aws:glue:{REGION}:{ACCOUNT}:{rest}" for rest in ("catalog", "database/lake", "table/lake/by_route"))
# What each request bears.
ALWAYS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", "aws:PrincipalAccount": ACCOUNT, "aws:SourceAccount": ACCOUNT}


@dataclasses.dataclass
class Call:
    role: str
    action: str
    arn: str
    context: dict


def refused(template, call):
    """Why; nothing if the call is allowed, or cannot be made in this kind of stack."""
    if not possible(template, call):
        return None
    role_arn = template.arn(call.role)
    context = {**ALWAYS, "aws:PrincipalArn": role_arn, **call.context}
    own = list(template.statements(call.role))
    if denied := first(own, "Deny", call, context):
        return f"denied by {denied.get('Sid')}"
    for arns, statements in template.resource_policies():
        if any(call.arn == of or call.arn.startswith(of + "/") for of in arns):
            if denied := first(statements, "Deny", call, context):
                return f"denied by {denied.get('Sid')} of the resource's policy"
    if not first(own, "Allow", call, context):
        return "no policy of the role allows it"
    if call.role == "WorkerRole" and call.action.startswith("s3:") and not first(template.endpoint(), "Allow", call, context):
        return "the network's endpoint does not let it pass"
    return None


def possible(template, call):
    """A key, a table or a further bucket is only called where the stack has it."""
    given = template.parameters
    return {
        KEY: bool(given["KmsKeyArn"]),
        DATA_KEY: bool(given["DataKeyArns"]),
        **{arn: bool(given["TableArns"]) for arn in (CATALOG, DATABASE, TABLE)},
        "arn:aws:s3:::acme-raw": bool(given["InputBucketArns"]),
        "arn:aws:s3:::acme-lake": bool(given["OutputBucketArns"]),
    }.get(call.arn.split("/")[0] if call.arn.startswith("arn:aws:s3") else call.arn, True)


def first(statements, effect, call, context):
    for statement in statements:
        if statement["Effect"] == effect and covers(statement, call) and holds(statement.get("Condition", {}), context):
            return statement
    return None


def covers(statement, call):
    # `[` is no mark in policies.
    like = lambda value, pattern: fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))
    action = any(like(call.action.lower(), pattern.lower()) for pattern in statement["Action"])
    return action and any(like(call.arn, pattern) for pattern in statement["Resource"])


def holds(condition, context):
    return all(
        one(operator, context.get(key), [str(v).lower() if isinstance(v, bool) else str(v) for v in (values if isinstance(values, list) else [values])])
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def one(operator, value, wanted):
    if operator == "Null":
        return (value is None) == (wanted == ["true"])
    if operator in ("ArnNotEquals", "StringNotEquals"):
        return value not in wanted
    if value is None:
        return False
    if operator in ("StringEquals", "ArnEquals", "Bool"):
        return value in wanted
    if operator in ("ArnLike", "StringLike"):
        return any(fnmatch.fnmatchcase(value, pattern) for pattern in wanted)
    if operator == "NumericLessThan":
        return float(value) < float(wanted[0])
    raise SystemExit(f"evaluate.py: condition operator {operator} is not known here; add it")
