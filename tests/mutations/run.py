#!/usr/bin/env python3
"""Planted faults: each takes one guard out of the product, and the tests named beside it have to fail.

    tests/mutations/run.py --check           every fault still has its place in the code and in docs/semantics.md (quick, CI runs it)
    tests/mutations/run.py [NAME ...]        plants each in a copy of this tree, runs its tests, prints the score

The faults stand in mutations.toml: `file`, `find` (must occur exactly once), `replace`, `test` (arguments of
`cargo test`), `guards` (the promise that the fault breaks). A run copies the tracked files to a temporary directory and builds
them into the same target directory, so that only the crates of this workspace are compiled again; what else was compiled is
printed. Faults are planted in an order in which as few crates as possible change between two of them. The environment
variable CARGO names another program to compile with. Exit code 0: all were caught; 1: one survived, has lost its place, or
is not in docs/semantics.md.
"""
import argparse
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Outside of this tree: cargo reads the configuration of every folder above and joins lists, and flags that stand twice are
# other flags, by which it compiles every crate again.
TREE = pathlib.Path(tempfile.gettempdir()) / f"spotmill-mutations-{hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]}"
# From those that all others are compiled after: a fault in one is followed by another in the same.
CRATES = ["core", "core/spec", "core/ec2", "core/text", "platform", "lambdas", "worker/supervisor", "worker/item", "cli"]
PAGE = ROOT / "docs" / "semantics.md"


def faults():
    with open(pathlib.Path(__file__).with_name("mutations.toml"), "rb") as file:
        return tomllib.load(file)["fault"]


def misplaced(fault):
    """Why the fault cannot be planted; None if it can."""
    path = ROOT / fault["file"]
    if not path.exists():
        return f"{fault['file']} is gone"
    found = path.read_text().count(fault["find"])
    return None if found == 1 else f"{fault['file']} has its text {found} times, not once"


def copy_tree():
    """The tracked files as they are now; what is unchanged keeps its time, so that cargo builds it once."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    kept = set()
    for name in map(os.fsdecode, filter(None, names)):
        source, target = ROOT / name, TREE / name
        kept.add(target)
        if not source.is_file():
            continue
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        target.chmod(source.stat().st_mode)
    for old in TREE.rglob("*"):
        if old.is_file() and old not in kept and "target" not in old.relative_to(TREE).parts:
            old.unlink()


def crate(fault):
    """How many crates are compiled before the one that the fault changes."""
    named = [name for name in CRATES if fault["file"].startswith(f"{name}/")]
    return CRATES.index(max(named, key=len)) if named else len(CRATES)


def ordered(chosen):
    """By the program of tests that finds them, and of those by the crate and file that they change."""
    program = lambda fault: tuple(shlex.split(fault["test"])[:3])
    first = {}
    for fault in chosen:
        first[program(fault)] = min(first.get(program(fault), len(CRATES)), crate(fault))
    return sorted(chosen, key=lambda f: (first[program(f)], program(f), crate(f), f["file"], f["test"]))


def cargo(program, arguments):
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target"), "CARGO_TERM_COLOR": "never"}
    command = [program, "test", *arguments]
    return subprocess.run(command, cwd=TREE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def cargo_test(arguments):
    """Compiles with what `CARGO` names, then runs: whoever shares a machine may hold a lock for the first part only."""
    arguments = shlex.split(arguments)
    built = cargo(os.environ.get("CARGO", "cargo"), ["--no-run", *arguments])
    foreign = re.findall(r"^ +Compiling (\S+) v\S+(?: \(proc-macro\))?$", built.stdout, re.MULTILINE)
    if foreign:
        print(f"          compiled {len(foreign)} crates of others: {', '.join(foreign[:5])}", flush=True)
    return built if built.returncode else cargo("cargo", ["--quiet", *arguments])


def passed(printed):
    """How many tests passed: a filter that fits none proves nothing."""
    return sum(map(int, re.findall(r"test result: ok\. (\d+) passed", printed)))


def failing(printed):
    """The names of the tests that failed, as they are listed at the end."""
    listed = re.findall(r"^failures:\n((?:    \S+\n)+)", printed, re.MULTILINE)
    return list(dict.fromkeys(name for names in listed for name in names.split()))


def plant(fault):
    """Whether a test fails with the fault in place, and what was printed."""
    path = TREE / fault["file"]
    sound = path.read_text()
    path.write_text(sound.replace(fault["find"], fault["replace"]))
    try:
        ran = cargo_test(fault["test"])
    finally:
        path.write_text(sound)
    if "could not compile" in ran.stdout:
        return "does not compile", ran.stdout
    # A test that ends its process, as one that allocates without limit does, leaves no result.
    failed = "test result: FAILED" in ran.stdout or re.search(r"exit successfully.*\(signal: ", ran.stdout)
    return ("caught" if failed else "SURVIVED"), ran.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="faults to plant; all if none is named")
    parser.add_argument("--check", action="store_true", help="only check that each fault has its place in the code and in docs/semantics.md")
    arguments = parser.parse_args()
    chosen = [f for f in faults() if not arguments.names or f["name"] in arguments.names]
    unknown = set(arguments.names) - {f["name"] for f in chosen}
    if unknown:
        sys.exit(f"no such fault: {', '.join(sorted(unknown))}")
    problems = [f"{f['name']}: {why}" for f in chosen if (why := misplaced(f))]
    page = PAGE.read_text()
    problems += [f"{f['name']}: {PAGE.relative_to(ROOT)} does not list it" for f in chosen if f"`{f['name']}`" not in page]
    if problems:
        sys.exit("\n".join(problems))
    if arguments.check:
        print(f"{len(chosen)} faults have their places")
        return
    copy_tree()
    chosen = ordered(chosen)
    for test in dict.fromkeys(f["test"] for f in chosen):
        start = time.monotonic()
        ran = cargo_test(test)
        if passed(ran.stdout) == 0 or ran.returncode != 0:
            sys.exit(f"cargo test {test}: fails, or has no test, without a fault\n{ran.stdout[-2000:]}")
        print(f"sound     {test:32} {time.monotonic() - start:5.0f} s", flush=True)
    caught = 0
    for fault in chosen:
        start = time.monotonic()
        verdict, printed = plant(fault)
        caught += verdict == "caught"
        print(f"{verdict:9} {fault['name']:32} {time.monotonic() - start:5.0f} s  {fault['guards']}", flush=True)
        for name in failing(printed)[:3]:
            print(f"          {name}", flush=True)
        if verdict == "does not compile":
            print(printed[-1500:], flush=True)
    print(f"mutations={caught}/{len(chosen)}")
    sys.exit(caught != len(chosen))


if __name__ == "__main__":
    main()
