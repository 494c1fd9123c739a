"""The Python environments of these tools, below the build's folder. The first is the one that the Rust tests make
(tests/src/lib.rs, `python()`): target/verify-venv with the DuckDB that is pinned there, which is the reference.

Usage:  python3 environment.py      makes it if it is missing (that needs PyPI) and prints the path of its Python, so
        $(python3 tests/verify/sql/environment.py) tests/verify/sql/fuzz.py --worker W
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]


def target():
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")


def environment(home, packages):
    """The Python of a virtual environment with these packages; a file `ready` says that it is complete."""
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        home.mkdir(parents=True, exist_ok=True)
        # From that folder, for `-m` takes a module of the current one before Python's own.
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, cwd=home)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True, cwd=home)
        (home / "ready").touch()
    return python


def pinned():
    return re.search(r"duckdb==[\d.]+", (ROOT / "tests" / "src" / "lib.rs").read_text()).group()


if __name__ == "__main__":
    print(environment(target() / "verify-venv", [pinned()]))
