"""Runs MiniStack until this process's input ends: whoever started it holds the other end, and need not be alive to
let go. Then everything in the process group goes, the emulator's Lambdas included."""
import os
import runpy
import signal
import sys
import threading


def watch():
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=watch, daemon=True).start()
sys.argv = ["ministack"]
runpy.run_module("ministack", run_name="__main__", alter_sys=True)
