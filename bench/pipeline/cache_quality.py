#!/usr/bin/env python3
"""What leaving evaluations out costs: every method against the uncached run and against the truth, beside fewer steps.

Usage: bench/pipeline/cache_quality.py --set DIR --work DIR [--program P] [--results FILE] [--plot PNG] [--table FILE] [--jobs N] [--seconds N]

DIR of --set is what `python -m training.make_eval_set` wrote: pictures and true meshes. Runs each setting over all pictures
(`sinter batch`), compares each mesh with the uncached run's and with the true one (`sinter compare`), and writes one JSON file of
results; prints the table in Markdown and draws the plot (with matplotlib, where it is there). Settings that the file of results has
already are not run again. Without --set it only prints and draws; --table puts the table into a file, in place of the one there.
Calibrated settings are fitted first, on the pictures of --fit, which are none of the set's.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEPS = 100
VOXEL = 1  # index of F(2h) among compare's distances h, 2h, 4h, 0.05


def taylor(order, skipped, **own):
    """The reference's columns name the skipped steps; its warm-up is 3, its cutoff 0."""
    return {"cache_forward": "TaylorSeer", "TaylorSeer": {"n_derivatives": order, "skip_interval_steps": skipped + 1, "warmup": 3,
                                                          "cutoff_steps": 0}, "sinter": own}


def dynamic(method, threshold):
    return {"cache_forward": method, method: {"rel_l1_thresh": threshold}}


def settings():
    """(name, family, configuration or None, options). The first is what the others are compared with."""
    fewer = lambda solver, n: (f"{solver}, {n} evaluations", solver, None, ["--solver", solver, "--steps", n + 1])
    rows = [("every step", "none", None, [])]
    rows += [fewer(s, n) for n in (27, 19, 10) for s in ("euler", "ab2")]
    rows += [(f"TaylorSeer trunk O{o}N{k}", f"TaylorSeer, trunk, order {o}", taylor(o, k), []) for k in (3, 5, 1, 2, 4, 6) for o in (1, 2)]
    rows += [(f"TaylorSeer trunk O3N{k}", "TaylorSeer, trunk, order 3", taylor(3, k), []) for k in (3, 1, 5)]
    rows += [(f"TaylorSeer module O1N{k}", "TaylorSeer, module", taylor(1, k, granularity="module"), []) for k in (3, 5, 1)]
    rows += [(f"TaylorSeer velocity O1N{k}", "TaylorSeer, velocity", taylor(1, k, granularity="velocity"), []) for k in (3, 5)]
    rows += [(f"calibrated, {n} evaluations", "calibrated schedule", ("schedule", n), []) for n in (27, 19, 10)]
    rows += [(f"EasyCache {t}", "EasyCache", dynamic("EasyCache", t), []) for t in (0.1, 0.4)]
    rows += [(f"FBCache {t}", "FBCache", dynamic("FBCache", t), []) for t in (0.06, 0.2, 0.04, 0.05)]
    rows += [(f"TeaCache {t}", "TeaCache", ("teacache", t), []) for t in (0.1, 0.2, 0.4)]
    rows += [("TaylorSeer trunk O0N3", "TaylorSeer, trunk, order 0", taylor(0, 3), []), fewer("euler", 7), fewer("ab2", 7), fewer("euler", 51),
             fewer("ab2", 51)]
    rows += [("every step, bf16", "none", None, ["--dtype", "bf16"])]
    return rows


class Runner:
    def __init__(self, options):
        self.options, self.work = options, options.work
        self.shapes = json.loads((options.set / "manifest.json").read_text())["shapes"]
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / "list.txt").write_text("".join(f"{(options.set / s['image']).resolve()}\n" for s in self.shapes))
        self.deadline = time.monotonic() + options.seconds

    def program(self, *arguments):
        try:
            result = subprocess.run([self.options.program, *map(str, arguments)], capture_output=True, text=True, check=False,
                                    timeout=max(1.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{arguments[0]}: not done in time") from None
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, arguments))}: {result.stderr.strip()}")
        return result.stdout

    def configuration(self, name, cache):
        """The path of a setting's file; fits it where it is a calibrated one."""
        path = self.work / (name.replace(" ", "-").replace(",", "") + ".json")
        if isinstance(cache, dict):
            path.write_text(json.dumps(cache))
        else:
            kind, value = cache
            extra = ["--computed", value, "--most-skipped", 14] if kind == "schedule" else ["--threshold", value]
            self.program("cache-fit", kind, *self.options.fit, "-o", path, "--steps", STEPS, "--device", self.options.device, "--quiet", *extra)
        return path

    def make(self, setting):
        """Generates all meshes of a setting."""
        name, _, cache, extra = setting
        folder = self.work / name.replace(" ", "-")
        arguments = [] if cache is None else ["--cache", self.configuration(name, cache)]
        steps = [] if "--steps" in extra else ["--steps", STEPS]
        self.program("batch", self.work / "list.txt", "--out", folder, "--format", "ply", "--octree", self.options.octree, "--device",
                     self.options.device, "--threads", 2, "--quiet", *steps, *arguments, *extra)
        entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
        return folder, {e["output"].rsplit(".", 1)[0]: e for e in entries if "output" in e}

    def compare(self, mesh, reference):
        found = json.loads(self.program("compare", mesh, reference, "--json", "--samples", self.options.samples, "--iou-resolution", 64,
                                        "--threads", 1))
        return {"chamfer": found["chamfer"], "f2h": found["f_score"][VOXEL]["f"], "f05": found["f_score"][3]["f"],
                "iou": found["volume_iou"], "normals": found["normal_consistency"]}

    def run(self):
        known = {}
        if self.options.results.is_file():
            known = json.loads(self.options.results.read_text())["settings"]
        # The first is needed for its meshes.
        table = [row for i, row in enumerate(settings()) if i == 0 or row[0] not in known]
        results = {}
        with ThreadPoolExecutor(self.options.jobs) as makers, ThreadPoolExecutor(self.options.cores) as pool:
            made = {makers.submit(self.make, setting): setting for setting in table}
            base, pending = next(iter(made)).result()[0], []
            for future in as_completed(made):
                name, family, _, _ = made[future]
                if time.monotonic() > self.deadline:
                    continue
                try:
                    folder, entries = future.result()
                except RuntimeError as error:
                    print(f"{name}: {error}", file=sys.stderr)
                    continue
                rows = results[name] = {"family": family, "objects": []}
                for shape in self.shapes:
                    mesh = folder / f"{shape['id']}.ply"
                    entry = {"id": shape["id"], "computed": entries[shape["id"]]["steps_computed"]}
                    rows["objects"].append(entry)
                    pending.append(pool.submit(self.judge, entry, mesh, base / f"{shape['id']}.ply", self.options.set / shape["mesh"]))
            for future in pending:
                try:
                    future.result()
                except RuntimeError as error:
                    print(error, file=sys.stderr)
        results = known | {name: rows for name, rows in results.items()
                           if name not in known and all("truth" in e for e in rows["objects"])}
        self.options.results.write_text(json.dumps({"steps": STEPS, "octree": self.options.octree, "settings": results}))
        return results

    def judge(self, entry, mesh, base, truth):
        if time.monotonic() < self.deadline:
            entry["fidelity"] = self.compare(mesh, base)
            entry["truth"] = self.compare(mesh, truth)  # last: what has it is complete


def interval(differences, rounds=2000):
    """Mean, and its bootstrap interval of 95 %."""
    generator = random.Random(1)
    means = sorted(statistics.fmean(generator.choices(differences, k=len(differences))) for _ in range(rounds))
    return statistics.fmean(differences), means[int(0.025 * rounds)], means[int(0.975 * rounds)]


LOST = -0.05  # of F(0.05): what no object may lose, or few
FEW = 0.02


def tier(row):
    """Of docs/benchmarks/cache.md; the limits of fidelity, then those of the paired changes against the truth."""
    f2h, f05, lost = row["truth_f2h"], row["truth_f05"], row["lost"]
    faithful = row["f2h"] >= 0.99 and row["iou"] >= 0.985
    means = min(f2h[0], f05[0], row["truth_iou"][0], row["truth_normals"][0]) >= -0.005
    if faithful and means and min(f2h[1], f05[1]) >= -0.01 and row["truth_chamfer"] <= 0.02 and lost == 0:
        return "no loss"
    if row["f2h"] >= 0.97 and min(f2h[0], f05[0]) >= -0.02 and row["truth_chamfer"] <= 0.05 and lost <= FEW:
        return "near-lossless"
    return "lossy"


def figures(results):
    """One row a setting, most evaluations first."""
    base = {e["id"]: e for e in results["every step"]["objects"]}
    rows = []
    for name, setting in results.items():
        objects = setting["objects"]
        paired = lambda key: [e["truth"][key] - base[e["id"]]["truth"][key] for e in objects]
        median = lambda key: statistics.median(e["fidelity"][key] for e in objects)
        chamfer = statistics.fmean(e["truth"]["chamfer"] for e in objects) / statistics.fmean(e["truth"]["chamfer"] for e in base.values()) - 1
        f2h, f05 = interval(paired("f2h")), interval(paired("f05"))
        row = {"name": name, "family": setting["family"], "computed": statistics.fmean(e["computed"] for e in objects), "f2h": median("f2h"),
               "iou": median("iou"), "truth_f2h": f2h, "truth_f05": f05, "truth_iou": interval(paired("iou")), "truth_normals": interval(paired("normals")), "truth_chamfer": chamfer,
               "lost": statistics.fmean(change < LOST for change in paired("f05"))}
        row["tier"] = tier(row)
        rows.append(row)
    return sorted(rows, key=lambda r: (-r["computed"], r["name"]))


def table(rows):
    lines = ["| setting | evaluations | left out | fidelity F(2h) | fidelity IoU | change of F(2h) against the truth | of F(0.05) | of IoU | of normals | of Chamfer | shapes lost | tier |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    change = lambda v: f"{v[0]:+.4f} ({v[1]:+.4f} to {v[2]:+.4f})"
    for r in rows:
        lines.append(f"| {r['name']} | {r['computed']:.1f} | {1 - r['computed'] / (STEPS - 1):.0%} | {r['f2h']:.4f} | {r['iou']:.4f} | "
                     f"{change(r['truth_f2h'])} | {change(r['truth_f05'])} | {change(r['truth_iou'])} | "
                     f"{r['truth_normals'][0]:+.4f} | {r['truth_chamfer']:+.1%} | {r['lost']:.0%} | {r['tier']} |")
    return "\n".join(lines)


def replace_table(path, text):
    """Puts the table where the file has one that begins alike."""
    lines, new = path.read_text().splitlines(), text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("| setting |"))
    end = next((i for i in range(first, len(lines)) if not lines[i].startswith("|")), len(lines))
    path.write_text("\n".join(lines[:first] + new + lines[end:]) + "\n")


def plot(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    for number, family in enumerate(sorted({r["family"] for r in rows})):
        own = sorted((r for r in rows if r["family"] == family and r["name"] != "every step"), key=lambda r: r["computed"])
        if not own:
            continue
        style = {"color": plt.get_cmap("tab20")(number), "marker": "o", "markersize": 4, "label": family, "linewidth": 2 if family in ("euler", "ab2") else 1}
        left.plot([r["computed"] for r in own], [r["iou"] for r in own], **style)
        right.plot([r["computed"] for r in own], [r["truth_f2h"][0] for r in own], **style)
    left.set_ylabel("median IoU with every step computed")
    right.set_ylabel("mean change of F(2h) against the truth")
    right.axhline(0, color="grey", linewidth=0.5)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks([7, 10, 20, 30, 50, 99], labels=["7", "10", "20", "30", "50", "99"])
        axes.set_xlabel("steps that evaluate the network")
        axes.grid(alpha=0.3)
    left.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/release/bin/sinter", type=Path)
    parser.add_argument("--set", type=Path)
    parser.add_argument("--work", default=Path("cache-quality"), type=Path)
    parser.add_argument("--results", default=Path("cache-quality.json"), type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--table", type=Path, help="Markdown file whose table is to be replaced")
    parser.add_argument("--fit", nargs="*", default=sorted((ROOT / "examples/images").glob("*.png")), type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--octree", default=128, type=int)
    parser.add_argument("--samples", default=10000, type=int)
    parser.add_argument("--jobs", default=4, type=int, help="settings generated at a time")
    parser.add_argument("--cores", default=8, type=int, help="comparisons at a time")
    parser.add_argument("--seconds", default=1e9, type=float, help="settings that are not done by then are left out")
    options = parser.parse_args()
    results = Runner(options).run() if options.set else json.loads(options.results.read_text())["settings"]
    rows = figures(results)
    print(table(rows))
    if options.table:
        replace_table(options.table, table(rows))
    if options.plot:
        plot(rows, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
