#!/usr/bin/env python3
"""Compares Evengrad's training steps with those of another framework.

    benchmarks/compare.py --benchmark build/release/benchmarks/training_step_benchmark \\
        --peer torch_training_steps.py [--rounds 5] [--threads 1 2] [--only mlp_300_100/batch:32 …] \\
        [--markdown table.md] [--svg chart.svg] [--json rounds.json]

The peer is a Python script or a program (libtorch_training_steps, onednn_training_steps) that takes --threads N,
--only WORKLOAD and --seconds S, and prints one JSON object a line with "workload", "median_us" and "min_us", or none for
a workload that it does not compute, which is left out. Both sides run in turn, each in a process of its own, for several rounds: load of
the machine then falls on both. Of each round and side the median and the minimum of the single steps are kept; the
table shows

    min      the least of the rounds' minima, in microseconds
    median   the median of the rounds' medians
    spread   the largest of the rounds' medians over the least, minus 1

and the peer's time over ours, minimum by minimum and median by median. For two threads the peer counts with the faster
of its one- and two-thread times.
"""
import argparse
import json
import statistics
import subprocess
import sys

WORKLOADS = [
    "mlp_300_100/batch:32", "mlp_300_100/batch:128", "selu_20x100/batch:32", "selu_20x100_clip/batch:32",
    "selu_100x100/batch:32", "bn_relu_20x100_adamw/batch:32", "mlp_2048x3/batch:256"]


def run_lines(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def measure_ours(arguments, workload, threads):
    pattern = f"^TrainingStep/{workload}/threads:{threads}$"
    output = json.loads(run_lines([
        arguments.benchmark, f"--benchmark_filter={pattern}", "--benchmark_format=json",
        f"--benchmark_min_time={arguments.seconds}"]))
    found = output["benchmarks"]
    if len(found) != 1 or found[0].get("error_occurred"):
        reason = found[0].get("error_message", "") if found else "no such case"
        sys.exit(f"{arguments.benchmark}: no figure for {pattern}: {reason}")
    return {key: found[0][key] for key in ("median_us", "min_us", "peak_kib") if key in found[0]}


def measure_peer(arguments, workload, threads):
    program = [arguments.python, arguments.peer] if arguments.peer.endswith(".py") else [arguments.peer]
    for line in run_lines(program + ["--threads", str(threads), "--only", workload,
                                     "--seconds", str(arguments.seconds)]).splitlines():
        record = json.loads(line)
        if record["workload"] == workload:
            return {key: record[key] for key in ("median_us", "min_us", "peak_kib") if key in record}
    return None


def summarize(rounds):
    medians = [r["median_us"] for r in rounds]
    return {"min": min(r["min_us"] for r in rounds), "median": statistics.median(medians),
            "spread": max(medians) / min(medians) - 1, "peak_kib": min(r.get("peak_kib", 0) for r in rounds)}


def write(arguments, rows, rounds):
    for path, text in ((arguments.markdown, markdown(rows)), (arguments.svg, svg(rows)),
                       (arguments.json, json.dumps(rounds, indent=1) + "\n")):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


def measure_all(arguments):
    """Rows of (workload, threads, our summary, the peer's), and all rounds."""
    rows, rounds = [], []
    for workload in arguments.only or WORKLOADS:
        if measure_peer(arguments, workload, 1) is None:
            print(f"{workload}: the peer does not compute it", file=sys.stderr)
            continue
        ours = {threads: [] for threads in arguments.threads}
        peer = {threads: [] for threads in sorted(set(arguments.threads) | {1})}
        for number in range(arguments.rounds):
            for threads in peer:
                if threads in ours:
                    ours[threads].append(measure_ours(arguments, workload, threads))
                peer[threads].append(measure_peer(arguments, workload, threads))
            print(f"{workload}: round {number + 1} of {arguments.rounds}", file=sys.stderr)
        rounds.append({"workload": workload, "ours": ours, "peer": peer})
        summaries = {threads: summarize(measured) for threads, measured in peer.items()}
        for threads in arguments.threads:
            candidates = [summaries[t] for t in summaries if t <= threads]
            best = {"min": min(c["min"] for c in candidates), "median": min(c["median"] for c in candidates),
                    "spread": max(c["spread"] for c in candidates),
                    "peak_kib": min(c["peak_kib"] for c in candidates)}
            rows.append((workload, threads, summarize(ours[threads]), best))
        write(arguments, rows, rounds)  # what there is, should the next one fail
    return rows, rounds


def markdown(rows):
    lines = ["| workload | threads | ours: min, median µs (spread) | peer: min, median µs (spread) | ratio of minima "
             "| ratio of medians |", "|---|---|---|---|---|---|"]
    for workload, threads, ours, peer in rows:
        def cell(side):
            return f"{side['min']:.0f}, {side['median']:.0f} ({100 * side['spread']:.0f} %)"
        lines.append(f"| {workload} | {threads} | {cell(ours)} | {cell(peer)} | {peer['min'] / ours['min']:.2f} "
                     f"| {peer['median'] / ours['median']:.2f} |")
    return "\n".join(lines) + "\n"


def svg(rows):
    """Horizontal bars of the ratios of minima, on a scale that begins at 0, with a line at 1."""
    left, width, height, gap = 290, 420, 16, 8
    largest = max(peer["min"] / ours["min"] for _, _, ours, peer in rows)
    scale = width / max(largest, 1)
    total = len(rows) * (height + gap) + 50
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{total}" '
             'font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>',  # readable on dark pages, too
             f'<text x="{left}" y="16">time of the peer over ours (higher is faster)</text>']
    for i, (workload, threads, ours, peer) in enumerate(rows):
        ratio, y = peer["min"] / ours["min"], 28 + i * (height + gap)
        colour = "#4878a8" if threads == 1 else "#88b0d8"
        label = f"{workload}, {threads} thread{'s' if threads > 1 else ''}"
        parts.append(f'<text x="{left - 6}" y="{y + 12}" text-anchor="end">{label}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{ratio * scale:.1f}" height="{height}" fill="{colour}"/>')
        parts.append(f'<text x="{left + ratio * scale + 4:.1f}" y="{y + 12}">{ratio:.2f}</text>')
    x = left + scale
    parts.append(f'<line x1="{x:.1f}" y1="24" x2="{x:.1f}" y2="{total - 18}" stroke="#a04040" '
                 'stroke-dasharray="3 3"/>')
    return "\n".join(parts) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmark", required=True, help="the program training_step_benchmark")
    parser.add_argument("--peer", required=True, help="the peer's script or program")
    parser.add_argument("--python", default="/usr/bin/python3", help="what runs it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="measured time of each run")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD")
    parser.add_argument("--markdown", help="write the table here, too")
    parser.add_argument("--svg", help="write the chart here")
    parser.add_argument("--json", help="write the figures of all rounds here")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    rows, _ = measure_all(arguments)
    print(markdown(rows), end="")


if __name__ == "__main__":
    main()
