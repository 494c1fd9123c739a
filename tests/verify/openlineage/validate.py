#!/usr/bin/env python3
"""Holds every event of an openlineage.ndjson to OpenLineage's own schemas: the event to that of RunEvent, each facet to the one
that its _schemaURL names, ids and times to their formats. Prints every breach and how many facets were held, and exits 1 if there is a breach, or nothing to
hold. Needs jsonschema."""
import datetime
import json
import pathlib
import sys
import uuid

import jsonschema
import referencing

SCHEMAS = pathlib.Path(__file__).parent / "schemas"


def registry():
    found = [json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))]
    resources = [(schema["$id"], referencing.Resource.from_contents(schema)) for schema in found]
    return referencing.Registry().with_resources(resources), {schema["$id"] for schema in found}


def formats():
    checker = jsonschema.FormatChecker(formats=[])
    checker.checks("uuid", raises=ValueError)(lambda text: bool(uuid.UUID(text)) and len(text) == 36)
    checker.checks("date-time", raises=ValueError)(
        lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None)
    checker.checks("uri")(lambda text: ":" in text and " " not in text)
    return checker


def facets(event):
    """Each facet of an event with its key and its place."""
    owners = [("run", event["run"]), ("job", event["job"])]
    owners += [(side, dataset) for side in ("inputs", "outputs") for dataset in event.get(side, [])]
    for place, owner in owners:
        for of in ("facets", "inputFacets", "outputFacets"):
            for key, facet in owner.get(of, {}).items():
                yield f"{place}.{of}", key, facet


def main(file):
    schemas, known = registry()
    checker = formats()
    breaches, held, events = [], 0, 0

    def check(schema, value, place):
        validator = jsonschema.Draft202012Validator(schema, registry=schemas, format_checker=checker)
        breaches.extend(f"{place}: {error.json_path}: {error.message}" for error in validator.iter_errors(value))

    for number, line in enumerate(pathlib.Path(file).read_text().splitlines(), 1):
        event = json.loads(line)
        events += 1
        check({"$ref": event["schemaURL"]}, event, f"event {number}")
        for place, key, facet in facets(event):
            url = facet["_schemaURL"]
            at = f"event {number}: {place}.{key}"
            if url.split("#")[0] not in known:
                breaches.append(f"{at}: no schema {url}")
                continue
            check({"$ref": url}, facet, at)
            # The schema of the whole file says which key the facet has.
            check({"$ref": url.split("#")[0]}, {key: facet}, at)
            document = json.loads((SCHEMAS / (url.split("/")[-1] + ".json")).read_text())
            if key not in document["properties"]:
                breaches.append(f"{at}: its key is {list(document['properties'])}")
            held += 1
    for breach in breaches:
        print(breach)
    print(f"{events} events, {held} facets")
    return 1 if breaches or not held else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
