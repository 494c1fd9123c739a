#!/usr/bin/env python3
"""Records the terminal session of the README: a run, SIGKILL in the middle of it, the same command again. What is shown is
what the programs wrote, line by line, at the moment they wrote it; pauses longer than a second are shortened.

    cargo build -p spotmill -p spotmill-worker
    docs/session/record.py target/debug docs/session/session.svg"""
import html
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

COMMAND = "spotmill run --date 2013-01-01..2013-01-03"
CELL, LINE, PAD, COLUMNS = 8.4, 19, 16, 80
LONGEST_PAUSE, REST = 1.0, 5.0
COLOURS = {"$": "#7ee787", "✓": "#7ee787", "✗": "#ff7b72", "Killed": "#ff7b72"}


def lines_of(command, cwd, env, kill_after=None):
    """What it wrote, with the seconds since it began. Killed with SIGKILL after so many items."""
    began, found, items = time.monotonic(), [], 0
    process = subprocess.Popen(command.split(), cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in process.stdout:
        found.append((time.monotonic() - began, line.rstrip("\n")))
        items += ": item " in line
        if kill_after and items == kill_after:
            process.send_signal(signal.SIGKILL)
    process.wait()
    return found


def session(programs):
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": home, "SPOTMILL_WORKER": str(programs / "spotmill-worker")}
        frames, now = [], 0.0

        def typed(text):
            nonlocal now
            now += 0.6
            frames.append((now, f"$ {text}"))
            now += 0.5

        def ran(command, **how):
            nonlocal now
            before = 0.0
            for at, line in lines_of(command, pathlib.Path(home) / "flights" if "run" in command else home, env, **how):
                now += min(at - before, LONGEST_PAUSE)
                before = at
                frames.append((now, line))

        typed("spotmill init --example flights flights && cd flights")
        ran("spotmill init --example flights flights")
        typed(COMMAND)
        ran(COMMAND, kill_after=9)
        now += 0.4
        frames.append((now, "Killed                                            # kill -9, by whoever wanted the machine"))
        typed(f"{COMMAND}        # again: it goes on")
        ran(COMMAND)
        typed(COMMAND)
        ran(COMMAND)
        return [(at, line[:COLUMNS]) for at, line in frames]


def drawn(frames, rows=24):
    """An SVG that scrolls as a terminal does: the text moves up a line for each that is written below the last row."""
    length = frames[-1][0] + REST
    width, height = COLUMNS * CELL + 2 * PAD, rows * LINE + 2 * PAD
    percent = lambda at: f"{100 * at / length:.3f}%"
    texts, steps = [], ["0% { transform: translateY(0) }"]
    for n, (at, line) in enumerate(frames):
        colour = next((c for start, c in COLOURS.items() if line.startswith(start)), "#c9d1d9")
        name = f"l{n}"
        texts.append(
            f"<style>@keyframes {name} {{ 0%, {percent(max(at - 0.01, 0))} {{ opacity: 0 }} {percent(at)}, 100% {{ opacity: 1 }} }}</style>"
            f'<text x="0" y="{(n + 1) * LINE}" fill="{colour}" xml:space="preserve" '
            f'style="animation: {name} {length:.1f}s step-end infinite">{html.escape(line)}</text>'
        )
        if n >= rows:
            steps.append(f"{percent(at)} {{ transform: translateY(-{(n + 1 - rows) * LINE}px) }}")
    steps.append(f"100% {{ transform: translateY(-{max(len(frames) - rows, 0) * LINE}px) }}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-size="14" '
        f'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" role="img">\n'
        "<title>spotmill run, kill -9, and the same command again: it goes on where it was</title>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n'
        f"<style>@keyframes scroll {{ {' '.join(steps)} }}</style>\n"
        f'<svg x="{PAD}" y="{PAD}" width="{width - 2 * PAD:.0f}" height="{rows * LINE + 6}" overflow="hidden">\n'
        f'<g style="animation: scroll {length:.1f}s step-end infinite">\n' + "\n".join(texts) + "\n</g></svg></svg>\n"
    )


def main():
    programs, target = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    os.environ.pop("COLUMNS", None)
    frames = session(programs)
    target.write_text(drawn(frames))
    print(f"{target}: {len(frames)} lines in {frames[-1][0]:.0f} s, {target.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
