"""Speed against the same work by hand. Needs `pip install duckdb polars numpy pyarrow` and a built target/release/recount.

    python benches/bench.py rows   DIR   # 100 row rules over 5 M rows: recount, DuckDB (one SQL per rule), Polars (one query per rule)
    python benches/bench.py floor  DIR   # nine set rules over 8 M + 10 M rows written by ../shared/floor/generate.py (skipped when absent)
    python benches/bench.py county DIR [households]   # the shipped rules over a synthetic county (no peer has these rules)
    python benches/bench.py sample DIR   # load + run + report of the sample

Each line: what, wall seconds, CPU seconds (user + system), peak memory; every command is a process of its own, in one sitting.
"""
import os, pathlib, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECOUNT = pathlib.Path(os.environ.get("RECOUNT", ROOT / "target/release/recount"))


def measure(name, command, show=()):
    start = time.time()
    with open("/tmp/bench.out", "w") as out, open("/tmp/bench.err", "w") as err:
        child = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    print(f"{name:44} wall {time.time() - start:7.2f}  cpu {cpu:7.2f}  peak {usage.ru_maxrss / 1024:8.0f} MB" + ("" if code == 0 else f"  exit {code}"), flush=True)
    for file in ("/tmp/bench.out", "/tmp/bench.err"):
        for line in open(file):
            if any(word in line for word in show):
                print("    " + line.rstrip())


def peer(name, code, *args):
    measure(name, [sys.executable, "-c", code, *args], show=["found"])


# 100 row rules over four columns, alone and combined. Each finds a handful of rows, spread so that no block statistics can skip a block.
def row_rules():
    for i in range(100):
        high, low, kind = 9_199_900 + i, 40 + i % 60, i % 4
        yuan = lambda fen: f"yuan({fen // 100}.{fen % 100:02})"
        if kind == 0:
            yield f"amount > {yuan(high)}", f"amount > {high}"
        elif kind == 1:
            yield f"amount < {yuan(low)} and year = {2013 + i % 8}", f"amount < {low} and year = {2013 + i % 8}"
        elif kind == 2:
            yield f"members > {1 + i % 6} and amount > {yuan(high)}", f"members > {1 + i % 6} and amount > {high}"
        else:
            yield f"second > amount and second > {yuan(high)}", f"second > amount and second > {high}"


def rows(folder):
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "rows.parquet"
    if not data.exists():
        import numpy as np, polars as pl
        rng = np.random.default_rng(7)
        n = 5_000_000
        frame = {"id": np.arange(n), "year": rng.integers(2013, 2021, n), "members": rng.integers(1, 8, n),
                 "amount": rng.integers(0, 9_200_000, n), "second": rng.integers(0, 9_200_000, n)}
        pl.DataFrame(frame).write_parquet(data, row_group_size=500_000)
    (folder / "recount.yaml").write_text("recount: 1\ntables:\n  records:\n    from: rows.parquet\n    key: [id]\n    columns:\n      id: int\n      year: int\n      members: int\n"
        "      amount: {type: money, unit: fen}\n      second: {type: money, unit: fen}\nrules: [rules/]\n")
    rules = folder / "rules/bench"
    rules.mkdir(parents=True, exist_ok=True)
    for i, (ours, _) in enumerate(row_rules()):
        (rules / f"r{i:03}.yaml").write_text(f"id: bench/r{i:03}\ntitle: row rule {i}\nstatus: draft\nseverity: info\nsubject: {{area: records.id}}\ncheck:\n  row:\n    table: records\n"
            f"    among: true\n    where: {ours}\nsay: \"{{records.amount}}\"\n")
    (folder / "one").mkdir(exist_ok=True)
    sql = [theirs for _, theirs in row_rules()]
    measure("recount, 100 rules", [RECOUNT, "run", "-p", folder, "--as-of", "2020-12-31", "-o", folder / "runs", "--no-store", "--profile"], show=["load", "pass over"])
    measure("recount, 1 rule", [RECOUNT, "run", "-p", folder, "--as-of", "2020-12-31", "-o", folder / "runs", "--no-store", "--profile", "--rule", "bench/r000"], show=["load", "pass over"])
    peer("DuckDB, one SQL per rule", "import duckdb,sys\nc=duckdb.connect();c.execute('set threads=2')\nt=c.execute(f\"create table r as select * from '{sys.argv[1]}'\")\n"
         "print('found',sum(c.execute('select count(*) from r where '+q).fetchone()[0] for q in sys.argv[2].split(';')))", str(data), ";".join(sql))
    peer("DuckDB, table only", "import duckdb,sys\nc=duckdb.connect();c.execute('set threads=2')\nc.execute(f\"create table r as select * from '{sys.argv[1]}'\")", str(data))
    peer("Polars, one query per rule", "import polars as pl,sys\nd=pl.read_parquet(sys.argv[1]).lazy()\n"
         "print('found',sum(d.filter(pl.sql_expr(q)).select(pl.len()).collect().item() for q in sys.argv[2].split(';')))", str(data), ";".join(sql))
    peer("Polars, table only", "import polars as pl,sys\npl.read_parquet(sys.argv[1])", str(data))


def floor(folder):
    shared = ROOT.parent / "shared/floor"
    if not shared.exists():
        print("skipped: ../shared/floor is not there")
        return
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    if not (data / "deaths_s.parquet").exists():
        subprocess.run([sys.executable, shared / "generate.py"], cwd=data, check=True)
    for name in ("recount.yaml", "parameters.csv", "rules"):
        link = folder / name
        if not link.exists():
            link.symlink_to(ROOT / "benches/floor" / name)
    run = [RECOUNT, "run", "-p", folder, "--as-of", "2020-12-31", "-o", folder / "runs", "--profile"]
    measure("recount, nine rules, delivered Parquet", run, show=["load", "pass over", "groups", " by ", "link", "floor/"])
    measure("recount, nine rules, from its store", run, show=["load", "pass over", "groups", " by ", "link"])
    for which in ("duck", "pl-mem"):
        for form in ("", "_s"):
            measure(f"{which}{form}, rule by rule", ["sh", "-c", f"cd {data} && {sys.executable} {shared}/peers.py {which} {form}"], show=["total"])


def county(folder, households="200000"):
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "recount.yaml").exists():
        measure("synth", [RECOUNT, "synth", "--households", households, "--years", "4", "--seed", "11", "-o", folder, "--rules", ROOT / "rules"])
    run = [RECOUNT, "run", "-p", folder, "--as-of", "2020-12-31", "-o", folder / "runs", "--profile"]
    measure("recount, shipped rules, delivered CSV", run, show=["load", "pass over", "findings in", "rules:"])
    measure("recount, shipped rules, from its store", run, show=["load"])


def sample(folder):
    measure("recount run, sample, with report", [RECOUNT, "run", "-p", ROOT / "sample_data", "--as-of", "2020-12-31", "-o", folder / "runs", "--no-store"], show=["findings in"])


if __name__ == "__main__":
    globals()[sys.argv[1]](pathlib.Path(sys.argv[2]).resolve(), *sys.argv[3:])
