"""Speed against the same work by hand. Needs `pip install duckdb polars numpy pyarrow pointblank` and a built target/release/recount.

    python benches/bench.py rows   DIR   # 100 row rules over 5 M rows: recount, DuckDB (one SQL per rule), Polars (one query per rule)
    python benches/bench.py floor  DIR   # nine set rules over 8 M + 10 M rows written by ../shared/floor/generate.py (skipped when absent)
    python benches/bench.py county DIR [households]   # the shipped rules over a synthetic county (no peer has these rules)
    python benches/bench.py sample DIR   # load + run + report of the sample
    python benches/bench.py load   DIR   # 1.1 GB of CSV (10 M payments, 8 M household-years) and the same as Parquet: typed, sorted, stored; the store read again
    python benches/bench.py report DIR   # findings, evidence, cases and pages of the floor's 210,000 findings (DIR as for `floor`), and a browser opening them

Each line: what, wall seconds, CPU seconds (user + system), peak memory; every command is a process of its own, in one sitting.
"""
import json, os, pathlib, shutil, subprocess, sys, time

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
    peer("pointblank, one step per rule", "import pointblank as pb,polars as pl,sys\nv=pb.Validate(pl.read_parquet(sys.argv[1]))\n"
         "for q in sys.argv[2].split(';'): v=v.col_vals_expr(expr=~pl.sql_expr(q))\n"
         "print('found',sum(v.interrogate(get_first_n=0, collect_extracts=False).n_failed().values()))", str(data), ";".join(sql))


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


PROJECT = """recount: 1
tables:
  incomes:
    from: hy.{0}
    key: [household_id, year]
    region: village_code
    columns: {{household_id: text, year: int, village_code: region, income: {{type: money, unit: yuan}}, wage: {{type: money, unit: yuan}}, transfer: {{type: money, unit: yuan}}, members: int, status: code}}
  payments:
    from: pay.{0}
    key: [payment_id]
    sort: [household_id, paid_on, payment_id]
    columns: {{payment_id: int, household_id: text, account: account, program: code, paid_on: date, amount: {{type: money, unit: yuan}}}}
"""


def load(folder):
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "pay.parquet").exists():
        import numpy as np, polars as pl
        rng = np.random.default_rng(7)
        n, m = 1_000_000, 10_000_000
        text = lambda name, width: pl.col(name).cast(pl.String).str.zfill(width)
        money = lambda mean, size: np.exp(rng.normal(mean, 1, size)).round(2)
        hy = pl.DataFrame({"household_id": np.repeat(rng.permutation(n), 8), "year": np.tile(np.arange(2013, 2021), n), "village_code": np.repeat(rng.integers(0, 4000, n), 8),
            "income": money(8, 8 * n), "wage": money(7, 8 * n), "transfer": money(6, 8 * n), "members": rng.integers(1, 7, 8 * n), "status": rng.choice(["registered", "exited", "returned"], 8 * n)})
        hy = hy.with_columns(text("household_id", 10), text("village_code", 12))
        pay = pl.DataFrame({"payment_id": np.arange(m), "household_id": rng.integers(0, n, m), "account": rng.integers(0, n, m), "program": rng.integers(0, 30, m), "paid_on": rng.integers(15706, 18600, m), "amount": money(6, m)})
        pay = pay.with_columns(text("household_id", 10), (pl.lit("6228") + text("account", 12)).alias("account"), (pl.lit("P") + pl.col("program").cast(pl.String)).alias("program"), pl.col("paid_on").cast(pl.Int32).cast(pl.Date))
        for name, frame in (("hy", hy), ("pay", pay)):
            frame.write_csv(folder / f"{name}.csv")
            frame.write_parquet(folder / f"{name}.parquet", row_group_size=500_000)
    for form in ("csv", "parquet"):
        bytes_ = sum((folder / f"{name}.{form}").stat().st_size for name in ("hy", "pay"))
        project = folder / form
        project.mkdir(exist_ok=True)
        (project / "recount.yaml").write_text(PROJECT.format(form))
        for name in ("hy", "pay"):
            link = project / f"{name}.{form}"
            if not link.exists():
                link.hardlink_to(folder / f"{name}.{form}")
        shutil.rmtree(project / ".recount", ignore_errors=True)
        print(f"{form}: {bytes_ / 1e6:.0f} MB, 18 M rows")
        measure("recount load (typed, sorted, stored, hashed)", [RECOUNT, "load", "-p", project])
        measure("recount load again (store is fresh)", [RECOUNT, "load", "-p", project])
    files = ["hy.csv", "pay.csv"]
    peer("Polars scan_csv, collected", "import polars as pl,sys\nfor f in sys.argv[1:]: pl.scan_csv(f, schema_overrides={'household_id':pl.String,'village_code':pl.String,'account':pl.String}, try_parse_dates=True).collect()", *[str(folder / f) for f in files])
    duck = "import duckdb,sys\nc=duckdb.connect();c.execute('set threads=2')\nfor i,f in enumerate(sys.argv[1:]):\n c.execute(f'create table t{i} as select * from read_csv(?, types=?)', [f, {'household_id': 'VARCHAR', ['village_code', 'account'][i]: 'VARCHAR'}])"
    peer("DuckDB read_csv into tables", duck, *[str(folder / f) for f in files])


def report(folder):
    if not (folder / "data/deaths_s.parquet").exists():
        print("skipped: run `floor` first")
        return
    run = [RECOUNT, "run", "-p", folder, "--as-of", "2020-12-31", "-o", folder / "runs", "--profile"]
    measure("recount load", [RECOUNT, "load", "-p", folder])
    shutil.rmtree(folder / "runs", ignore_errors=True)
    measure("recount, nine rules, from its store", run, show=["load", "findings in"])
    written = next((folder / "runs").glob("20*"))
    stages = json.loads((written / "journal.json").read_text())["stages"]
    print("    stages before the folder is written, ms:", dict(stages))
    pages = [written / "report.html", *(written / "cases").glob("*.html")]
    print(f"    {len(pages)} pages, {sum(p.stat().st_size for p in pages) / 1e6:.0f} MB, the largest {max(p.stat().st_size for p in pages) / 1e6:.1f} MB")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    for page in [pages[0], max(pages[1:], key=lambda p: p.stat().st_size)] if browser else []:
        measure(f"browser opens {page.name}", [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={folder / 'shot.png'}", page.as_uri()])


if __name__ == "__main__":
    globals()[sys.argv[1]](pathlib.Path(sys.argv[2]).resolve(), *sys.argv[3:])
