#!/usr/bin/env python3
"""Measures a two-thread training step beside a busy process on each core.

    benchmarks/interference.py --benchmark build/release/benchmarks/training_step_benchmark \\
        [--workload selu_20x100/batch:32 …] [--threads 2] [--seconds 10] [--turns 5] [--limit 2.5]

Each workload runs for so many seconds alone, and as long beside single-threaded processes that never sleep, one
pinned to each core, in turns: what else changes on the machine falls on both. The table shows the mean time of a step in
both, and their ratio: half the time of each core belongs to the others, so 2 is the least to expect. Exit code 1 where
a ratio is above the limit.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys

WORKLOADS = ["mlp_300_100/batch:32", "selu_20x100/batch:32", "selu_100x100/batch:32"]
BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


def mean_microseconds(arguments, workload):
    done = subprocess.run(
        [arguments.benchmark, f"--benchmark_filter=^TrainingStep/{workload}/threads:{arguments.threads}$",
         "--benchmark_format=json", f"--benchmark_min_time={arguments.seconds / arguments.turns}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = json.loads(done.stdout or "{}").get("benchmarks", [])
    if done.returncode != 0 or len(found) != 1 or found[0].get("error_occurred"):
        sys.exit(f"{arguments.benchmark}: no figure for {workload} with {arguments.threads} threads\n{done.stderr}")
    return found[0]["real_time"]


def mean_beside_busy_processes(arguments, workload):
    busy = [subprocess.Popen([sys.executable, "-c", BUSY, str(core)]) for core in sorted(os.sched_getaffinity(0))]
    try:
        return mean_microseconds(arguments, workload)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmark", required=True, help="the program training_step_benchmark")
    parser.add_argument("--workload", nargs="+", default=WORKLOADS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--limit", type=float, default=2.5)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and end the busy processes
    print("| workload | alone: mean µs | beside busy processes: mean µs | ratio |\n|---|---|---|---|", flush=True)
    above = False
    for workload in arguments.workload:
        turns = [(mean_microseconds(arguments, workload), mean_beside_busy_processes(arguments, workload))
                 for _ in range(arguments.turns)]
        alone, beside = map(statistics.mean, zip(*turns))
        print(f"| {workload} | {alone:.0f} | {beside:.0f} | {beside / alone:.2f} |", flush=True)
        above = above or beside > arguments.limit * alone
    sys.exit(1 if above else 0)


if __name__ == "__main__":
    main()
