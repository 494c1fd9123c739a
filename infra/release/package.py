#!/usr/bin/env python3
"""Packs built programs for people who have no Rust: a wheel for pip and uv, a tarball with the installer, and SHA256SUMS
over all of them. `--machines` adds what `spotmill deploy` sends to AWS: the worker for the other processor, and the functions'
program; in the tarball, and in a second wheel that the first names as its extra `aws`, for PyPI takes 100 MB a file. It
compiles nothing and downloads nothing. The platform's tag is read from the programs: their processor, and the newest glibc
symbol that they ask for. The same programs give the same bytes.

    infra/release/package.py --bin target/debug --out target/release-check"""
import argparse
import base64
import hashlib
import io
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The worker is found beside the program.
PROGRAMS = ("spotmill", "spotmill-worker")
LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")
# 2020-01-01: zip knows no earlier year than 1980, and a release no later one than its commit.
MADE = (2020, 1, 1, 0, 0, 0)
MADE_S = 1_577_836_800
MACHINES = {62: "x86_64", 183: "aarch64"}
PYTHON = ">=3.8"
# Below the folder of --machines, and below share/spotmill/VERSION of an installation (cli/src/aws/installed.rs).
WORKER = "spotmill-worker"
FUNCTIONS = "lambda/bootstrap"


def version():
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def machine(program):
    """The processor that an ELF program is for."""
    head = program[:20]
    if head[:4] != b"\x7fELF":
        raise SystemExit("package: a program of Linux is expected")
    number = struct.unpack("<H", head[18:20])[0]
    if number not in MACHINES:
        raise SystemExit(f"package: processor {number} is none of {', '.join(MACHINES.values())}")
    return MACHINES[number]


def glibc(programs):
    """The newest version of glibc that the programs ask for, such as (2, 28)."""
    asked = [m.groups() for p in programs for m in re.finditer(rb"GLIBC_(\d+)\.(\d+)", p)]
    return max((int(major), int(minor)) for major, minor in asked)


def stripped(path):
    """The program without the tables for debuggers."""
    with tempfile.TemporaryDirectory() as work:
        copy = pathlib.Path(work) / path.name
        subprocess.run(["strip", "-o", copy, path], check=True)
        return copy.read_bytes()


def for_machines(folder, processor, take):
    """What a deploy needs beside the programs of this processor, by its place below `share`."""
    found = {}
    for other in sorted(set(MACHINES.values()) - {processor}):
        path = folder / other / WORKER
        if not path.is_file():
            raise SystemExit(f"package: there is no {path}; deploy would serve machines of {processor} alone")
        if machine(path.read_bytes()) != other:
            raise SystemExit(f"package: {path} is not for {other}")
        found[f"{other}/{WORKER}"] = path
    if not (folder / FUNCTIONS).is_file():
        raise SystemExit(f"package: there is no {folder / FUNCTIONS}; deploy would have no functions")
    found[FUNCTIONS] = folder / FUNCTIONS
    # No tool of this machine strips programs of another processor.
    body = {name: take(path) if machine(path.read_bytes()) == processor else path.read_bytes() for name, path in found.items()}
    return {f"share/spotmill/{version()}/{name}": (of, 0o755) for name, of in body.items()}


def program_wheel(out, programs, tag, level, extra):
    """A wheel whose scripts are the programs: pip puts them on the environment's PATH as they are. `extra`: there is another
    with what deploy sends."""
    files = {f"scripts/{program}": (body, 0o755) for program, body in programs.items()}
    about = ["Provides-Extra: aws", f"Requires-Dist: spotmill-aws=={version()}; extra == 'aws'"] if extra else []
    summary = "Daily ETL that loses nothing when its machine does: SQL over files, here and on spot machines"
    return wheel(out, "spotmill", summary, about, (ROOT / "README.md").read_text(), files, tag, level)


def machines_wheel(out, shared, tag, level):
    """A wheel of what `spotmill deploy` sends to AWS, which pip puts where the program looks for it."""
    files = {f"data/{path}": file for path, file in shared.items()}
    about = [f"Requires-Dist: spotmill=={version()}"]
    readme = "Installed with `pip install 'spotmill[aws]'`: the functions, and the worker for machines of the other processor.\n"
    return wheel(out, "spotmill-aws", "What `spotmill deploy` sends to AWS", about, readme, files, tag, level)


def wheel(out, project, summary, about, readme, files, tag, level):
    name = f"{project.replace('-', '_')}-{version()}"
    metadata = "\n".join([
        "Metadata-Version: 2.4", f"Name: {project}", f"Version: {version()}", f"Summary: {summary}", *about,
        "License-Expression: MIT OR Apache-2.0", *[f"License-File: {licence}" for licence in LICENCES],
        "Keywords: etl,sql,parquet,csv,pipeline,spot,s3", f"Requires-Python: {PYTHON}",
        "Classifier: Environment :: Console", "Classifier: Operating System :: POSIX :: Linux",
        "Classifier: Programming Language :: Rust", "Classifier: Topic :: Database",
        "Description-Content-Type: text/markdown", "", readme,
    ])
    kind = f"Wheel-Version: 1.0\nGenerator: spotmill-package\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n"
    files = {f"{name}.data/{path}": file for path, file in files.items()}
    files |= {f"{name}.dist-info/licenses/{licence}": ((ROOT / licence).read_bytes(), 0o644) for licence in LICENCES}
    files |= {f"{name}.dist-info/METADATA": (metadata.encode(), 0o644), f"{name}.dist-info/WHEEL": (kind.encode(), 0o644)}
    record = [f"{path},sha256={digest(body)},{len(body)}" for path, (body, _) in files.items()]
    files[f"{name}.dist-info/RECORD"] = ("\n".join([*record, f"{name}.dist-info/RECORD,,", ""]).encode(), 0o644)
    path = out / f"{name}-py3-none-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for member, (body, mode) in files.items():
            info = zipfile.ZipInfo(member, MADE)
            info.external_attr, info.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, body, compresslevel=level)
    return path


def digest(body):
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def tarball(out, programs, shared, processor, level):
    """The programs, the licences and the installer, below one folder."""
    folder = f"spotmill-{version()}-{processor}-linux"
    path = out / f"{folder}.tar.gz"
    files = {program: (body, 0o755) for program, body in programs.items()}
    files |= shared
    files |= {name: ((ROOT / name).read_bytes(), 0o644) for name in (*LICENCES, "README.md", "CHANGELOG.md")}
    with path.open("wb") as raw, Gzip(raw, level) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, (body, mode) in sorted(files.items()):
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size, info.mode, info.mtime = len(body), mode, MADE_S
            archive.addfile(info, io.BytesIO(body))
    return path


def Gzip(raw, level):
    import gzip

    return gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=level, mtime=MADE_S)


def sums(out):
    """Over everything in the folder, as `sha256sum --check` reads it."""
    names = sorted(p.name for p in out.iterdir() if p.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (out / "SHA256SUMS").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="where the programs are")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where the packages go; made if absent")
    parser.add_argument("--machines", type=pathlib.Path, help="PROCESSOR/spotmill-worker and lambda/bootstrap, for deploy")
    parser.add_argument("--level", type=int, default=9, help="1 is quick, 9 is small")
    parser.add_argument("--as-built", action="store_true", help="do not strip: the linker did")
    parser.add_argument("--most-mb", type=float, default=100, help="the biggest wheel that PyPI takes")
    parser.add_argument("--glibc", help="fail if the programs need a newer glibc than this, such as 2.28")
    asked = parser.parse_args()
    for program in PROGRAMS:
        if not (asked.bin / program).is_file():
            raise SystemExit(f"package: there is no {asked.bin / program}; build it: cargo build -p {program}")
    take = pathlib.Path.read_bytes if asked.as_built else stripped
    programs = {program: take(asked.bin / program) for program in PROGRAMS}
    processors = {machine(body) for body in programs.values()}
    if len(processors) != 1:
        raise SystemExit(f"package: the programs are for different processors: {', '.join(sorted(processors))}")
    processor, floor = processors.pop(), glibc(programs.values())
    if asked.glibc and floor > tuple(int(n) for n in asked.glibc.split(".")):
        raise SystemExit(f"package: the programs need glibc {floor[0]}.{floor[1]}, newer than {asked.glibc}")
    shared = for_machines(asked.machines, processor, take) if asked.machines else {}
    newest = glibc([body for body, _ in shared.values()]) if asked.glibc and shared else floor
    if asked.glibc and newest > tuple(int(n) for n in asked.glibc.split(".")):
        raise SystemExit(f"package: the programs for AWS need glibc {newest[0]}.{newest[1]}, newer than {asked.glibc}")
    asked.out.mkdir(parents=True, exist_ok=True)
    tag = f"manylinux_{floor[0]}_{floor[1]}_{processor}"
    wheels = [program_wheel(asked.out, programs, tag, asked.level, extra=bool(shared))]
    wheels += [machines_wheel(asked.out, shared, tag, asked.level)] if shared else []
    made = [*wheels, tarball(asked.out, programs, shared, processor, asked.level)]
    shutil.copy2(HERE / "install.sh", asked.out / "install.sh")
    sums(asked.out)
    for name, body in programs.items():
        print(f"{len(body) / 1e6:8.1f} MB  {name}, stripped")
    for name, (body, _) in shared.items():
        print(f"{len(body) / 1e6:8.1f} MB  {name}")
    for path in made:
        print(f"{path.stat().st_size / 1e6:8.1f} MB  {path.name}")
    print(f"glibc {floor[0]}.{floor[1]} or newer, {processor}")
    for path in wheels:
        if path.stat().st_size > asked.most_mb * 1e6:
            raise SystemExit(f"package: {path.name} is bigger than {asked.most_mb:g} MB")


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
