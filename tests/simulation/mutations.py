#!/usr/bin/env python3
"""Faults planted in the product, all in one build: the simulation has to find each, within a bounded number of seeds.

    tests/simulation/mutations.py --check                     every fault still has its place in the code and in docs/semantics.md
    tests/simulation/mutations.py [--seeds N] [NAME ...]      builds, plays the seeds without a fault and with each, prints the score

The faults stand in mutations.toml. Each becomes `if SWITCH { fault } else { product }` in a copy of the tree, where SWITCH asks
the environment for its name, so that all of them are compiled once. A fault is caught when a seed breaks an invariant with it;
the same seeds must break none without. `--release` builds with optimization. Exit code 0: all were caught.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "mutations"))
import run as planted  # noqa: E402

SWITCH = 'std::env::var_os("SPOTMILL_FAULT").is_some_and(|name| name == "{}")'


def faults():
    with open(HERE / "mutations.toml", "rb") as file:
        return tomllib.load(file)["fault"]


def place(fault, text):
    """Where the fault's text begins; an exit that says why if there is no such place."""
    within = fault.get("within", text)
    if text.count(within) != 1 or within.count(fault["find"]) != 1:
        raise ValueError(f"{fault['name']}: {fault['file']} has its text {within.count(fault['find'])} times in {text.count(within)} places")
    return text.index(within) + within.index(fault["find"])


def gated(fault):
    switch = SWITCH.format(fault["name"])
    body = f"if {switch} {{ {fault['replace']} }} else {{ {fault['find']} }}"
    return f"{body}\n" if fault.get("kind") == "statements" else f"({body})"


def plant(chosen):
    """All faults in the copy of the tree."""
    planted.copy_tree()
    for path in {fault["file"] for fault in chosen}:
        text = (planted.ROOT / path).read_text()
        here = [fault for fault in chosen if fault["file"] == path]
        for fault in sorted(here, key=lambda f: place(f, (planted.ROOT / path).read_text()), reverse=True):
            at = place(fault, text)
            text = text[:at] + gated(fault) + text[at + len(fault["find"]):]
        (planted.TREE / path).write_text(text)


def play(program, seeds, fault=None):
    environment = {**os.environ, **({"SPOTMILL_FAULT": fault} if fault else {})}
    command = [program, "--from", "1", "--seeds", str(seeds), *(["--until-broken"] if fault else [])]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--release", action="store_true")
    arguments = parser.parse_args()
    chosen = [f for f in faults() if not arguments.names or f["name"] in arguments.names]
    page = planted.PAGE.read_text()
    for fault in chosen:
        place(fault, (planted.ROOT / fault["file"]).read_text())
        if f"`{fault['name']}`" not in page:
            sys.exit(f"{fault['name']}: docs/semantics.md does not list it")
    if arguments.check:
        print(f"{len(chosen)} faults of the simulation have their places")
        return
    plant(faults())
    # Apart: cargo takes crates of a copy of this tree for those of this tree.
    target, profile = planted.ROOT / "target" / "planted", ["--release"] if arguments.release else []
    build = ["build", "-p", "spotmill-simulation", "--offline", *profile]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    if subprocess.run([os.environ.get("CARGO", "cargo"), *build], cwd=planted.TREE, env=environment).returncode:
        sys.exit("the planted tree does not compile")
    program = target / ("release" if arguments.release else "debug") / "simulate"
    caught = 0
    for fault in chosen:
        began = time.monotonic()
        printed = play(program, arguments.seeds, fault["name"])
        seeds = re.findall(r"^seed (\d+) fails", printed, re.MULTILINE)
        ids = re.findall(r"^([a-z-]+): ", printed, re.MULTILINE)
        found = f"seed {seeds[0]} by {', '.join(dict.fromkeys(i for i in ids if i != 'sim'))}" if seeds else "SURVIVED"
        caught += bool(seeds)
        print(f"{fault['name']:26} {found:60} {time.monotonic() - began:4.0f} s  {fault['guards']}", flush=True)
    sound = play(program, arguments.seeds)
    print(sound.splitlines()[-1], flush=True)
    print(f"mutations={caught}/{len(chosen)} within {arguments.seeds} seeds")
    sys.exit(caught != len(chosen) or " fails" in sound)


if __name__ == "__main__":
    main()
