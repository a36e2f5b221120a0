"""Cost by rows, rules, threads and memory, beside DuckDB, Polars and reading the columns once. Needs `pip install duckdb polars numpy pyarrow` and a built target/release/recount.

    python benches/scale/bench.py make DIR ROWS            # ROWS payments and 0.8 ROWS income years (of ROWS / 10 households), and recount's store of them
    python benches/scale/bench.py run  DIR [10,30] [1,2] [2GB,8GB]   # rules, threads, memory; lines go to DIR/results.jsonl
    python benches/scale/bench.py show DIR...              # the table of docs/benchmarks.md and docs/scale.svg from the results

Rules are of six kinds in turn (two of one record, duplicates, accounts shared by households, change over years, payments against income), each with a
threshold of its own. Every command is a process of its own. All three must count the same, else the line says so.
CPU is user + system; bytes are those the process asked the system for (a file mapped into memory, as Polars does, is not seen).
"""
import json, os, pathlib, shutil, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RECOUNT = pathlib.Path(os.environ.get("RECOUNT", ROOT / "target/release/recount"))

PROJECT = """recount: 1
tables:
  incomes:
    from: incomes.parquet
    key: [household_id, year]
    columns: {household_id: int, year: int, income: {type: money, unit: fen}, wage: {type: money, unit: fen}, transfer: {type: money, unit: fen}, members: int}
  payments:
    from: payments.parquet
    key: [payment_id]
    sort: [household_id, paid_on, payment_id]
    date: paid_on
    columns: {payment_id: int, household_id: int, account: int, program: int, paid_on: date, amount: {type: money, unit: fen}}
rules: [rules/]
"""


def make(folder, rows):
    """In blocks of at most 10 M payments, each of its own households, so that memory does not grow with the rows."""
    import numpy as np, polars as pl, pyarrow.parquet as pq
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(11)
    rows, block, writers = int(rows), 10_000_000, {}
    fen = lambda values: values.astype(np.int64)

    def write(name, frame):
        table = frame.to_arrow()
        if name not in writers:
            writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema)
        writers[name].write_table(table, row_group_size=500_000)

    for first in range(0, rows, block):
        n = min(block, rows - first)
        households, before = n // 10, first // 10
        ids = np.repeat(np.arange(households, dtype=np.int32), 8)
        size = len(ids)
        income = np.repeat(np.exp(rng.normal(8, .35, households)), 8) * np.exp(rng.normal(0, .12, size) + .08 * np.tile(np.arange(8), households)) * 100
        wage = income * np.where(rng.random(size) < 2e-5, 1.1, rng.uniform(.2, .6, size))
        write("incomes", pl.DataFrame({"household_id": ids + np.int32(before), "year": np.tile(np.arange(2013, 2021, dtype=np.int32), households), "income": fen(income), "wage": fen(wage),
                                       "transfer": fen(income * rng.uniform(.05, .2, size)), "members": rng.integers(1, 8, size).astype(np.int32)}))
        day = np.datetime64("2013-01-01") + rng.integers(0, 365 * 8, n).astype("timedelta64[D]")
        pay = pl.DataFrame({"payment_id": np.arange(first, first + n, dtype=np.int32), "household_id": rng.integers(before, before + households, n).astype(np.int32),
                            "account": rng.integers(0, rows // 10, n).astype(np.int32), "program": rng.integers(0, 30, n).astype(np.int32), "paid_on": day,
                            "amount": rng.integers(1, 1_000_001, n)}).with_columns(pl.col("paid_on").cast(pl.Date))
        write("payments", pay.sort("household_id", "paid_on", "payment_id"))
    for writer in writers.values():
        writer.close()
    (folder / "recount.yaml").write_text(PROJECT)
    rules(folder, 1)
    print(measure("recount load", [RECOUNT, "load", "-p", folder]))


def rule(i):
    """Name, check, subject, SQL and the Polars query of the i-th rule: what it counts are findings."""
    import polars as pl
    k = i // 6
    P, I = "read_parquet('payments.parquet')", "read_parquet('incomes.parquet')"
    pay, inc, c = pl.scan_parquet("payments.parquet"), pl.scan_parquet("incomes.parquet"), pl.col
    kind = i % 6
    if kind == 0:
        x = 999_980 + k
        return (f"row: {{table: payments, among: true, where: payments.amount > yuan({x / 100:.2f})}}", "household: payments.household_id",
                f"select count(*) from {P} where amount > {x}", pay.filter(c("amount") > x))
    if kind == 1:
        m = k % 6
        return (f"row: {{table: incomes, among: true, where: incomes.wage > incomes.income + yuan({k}) and incomes.members > {m}}}", "household: incomes.household_id",
                f"select count(*) from {I} where wage > income + {100 * k} and members > {m}", inc.filter((c("wage") > c("income") + 100 * k) & (c("members") > m)))
    if kind == 2:
        x = 900_000 + 1000 * k
        return (f"duplicate: {{table: payments, keys: [household_id, program, paid_on], among: payments.amount > yuan({x / 100:.2f})}}\nreport: group", "household: household_id",
                f"select count(*) from (select 1 from {P} where amount > {x} group by household_id, program, paid_on having count(*) > 1)",
                pay.filter(c("amount") > x).group_by("household_id", "program", "paid_on").agg(n=pl.len()).filter(c("n") > 1))
    if kind == 3:
        m = 24 + k
        return (f"concentration: {{table: payments, by: account, count: household_id, min: {m}}}", "account: account",
                f"select count(*) from (select 1 from {P} group by account having count(distinct household_id) >= {m})",
                pay.group_by("account").agg(n=c("household_id").n_unique()).filter(c("n") >= m))
    if kind == 4:
        x = 100 * k
        return (f"change: {{table: incomes, key: household_id, period: year, measure: income, where: now > 2 * before + yuan({k})}}", "household: incomes.household_id",
                f"select count(*) from (select income, lag(income) over (partition by household_id order by year) as prev from {I}) where income > 2 * prev + {x}",
                inc.with_columns(prev=c("income").shift(1).over("household_id", order_by="year")).filter(c("income") > 2 * c("prev") + x))
    f = 130 + k
    return (f"reconcile: {{per: [household_id, year], left: {{paid: {{table: payments, keys: {{year: year(paid_on)}}, sum: amount}}}}, right: {{declared: {{table: incomes, sum: transfer}}}}, over: both, expect: left <= right * {f}}}",
            "household: household_id",
            f"select count(*) from (select household_id, year(paid_on) as year, sum(amount) as s from {P} group by 1, 2) join {I} using (household_id, year) where s > {f} * transfer",
            pay.group_by("household_id", c("paid_on").dt.year().cast(pl.Int32).alias("year")).agg(s=c("amount").sum()).join(inc, on=["household_id", "year"]).filter(c("s") > f * c("transfer")))


def rules(folder, n):
    place = folder / "rules/scale"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for i in range(n):
        check, subject, _, _ = rule(i)
        check, _, more = check.partition("\n")
        (place / f"r{i:03}.yaml").write_text(f"id: scale/r{i:03}\ntitle: rule {i}\nstatus: draft\nseverity: info\nsubject: {{{subject}}}\ncheck:\n  {check}\n{more}\nsay: \"rule {i}\"\n")


def measure(what, command, env=None, folder=None):
    start = time.time()
    with open("/tmp/scale.out", "w") as out:
        child = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.STDOUT, cwd=folder, env={**os.environ, **(env or {})})
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        try:
            read = int(open(f"/proc/{child.pid}/io").readline().split()[1])
        except OSError:
            read = None
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    said = open("/tmp/scale.out").read()
    counts = [int(line.split()[1]) for line in said.splitlines() if line.startswith("found ")]
    line = {"what": what, "cpu": round(usage.ru_utime + usage.ru_stime, 2), "wall": round(time.time() - start, 2), "peak_mb": usage.ru_maxrss // 1024,
            "read_mb": read and read // 1_000_000, "found": counts or None}
    if child.returncode:
        line["exit"] = child.returncode
        line["said"] = said[-500:]
    return line


def found(runs):
    import pyarrow.parquet as pq
    outcomes = pq.read_table(next(runs.glob("20*")) / "outcomes.parquet").to_pydict()
    return [f for _, f in sorted(zip(outcomes["rule"], outcomes["flagged_units"]))]


def run(folder, numbers="1,10,30,100", threads="1,2", memory="2GB,8GB", peers="recount,duckdb,polars,floor"):
    rows = json.loads(subprocess.run([sys.executable, "-c", f"import pyarrow.parquet as p,json;print(json.dumps(p.read_metadata('{folder}/payments.parquet').num_rows))"], capture_output=True).stdout)
    this = [sys.executable, pathlib.Path(__file__).resolve()]
    for n in map(int, numbers.split(",")):
        rules(folder, n)
        for t in threads.split(","):
            for m in memory.split(","):
                first = None
                for who in peers.split(","):
                    if who == "recount":
                        runs = folder / "runs"
                        shutil.rmtree(runs, ignore_errors=True)
                        line = measure(who, [RECOUNT, "run", "-p", folder, "--as-of", "2020-12-31", "-o", runs, "--threads", t, "--memory", m])
                        line["found"] = None if "exit" in line else found(runs)
                    else:
                        line = measure(who, [*this, "peer", folder, who, n, t, m], {"POLARS_MAX_THREADS": t}, folder)
                    first = first or line["found"]
                    line["equal"] = line["found"] == first if line["found"] else None
                    line["findings"] = sum(line.pop("found") or [])
                    line.update(rows=rows, rules=n, threads=int(t), memory=m)
                    print(json.dumps(line), flush=True)
                    with open(folder / "results.jsonl", "a") as results:
                        results.write(json.dumps(line) + "\n")


def peer(folder, who, n, t, memory):
    """Counts of the rules, one query each."""
    os.chdir(folder)
    if who == "floor":
        import pyarrow as pa, pyarrow.parquet as pq
        pa.set_cpu_count(int(t))
        for name in ("payments.parquet", "incomes.parquet"):
            file = pq.ParquetFile(name)
            for group in range(file.num_row_groups):
                file.read_row_group(group, use_threads=int(t) > 1)
        return
    if who == "duckdb":
        import duckdb
        db = duckdb.connect(config={"threads": int(t), "memory_limit": memory})
    for i in range(int(n)):
        _, _, sql, query = rule(i)
        count = db.execute(sql).fetchone()[0] if who == "duckdb" else query.select(__import__("polars").len()).collect().item()
        print("found", count)


def show(*folders):
    lines = [json.loads(line) for folder in folders for line in open(folder / "results.jsonl")]
    latest = {(l["rows"], l["rules"], l["threads"], l["memory"], l["what"]): l for l in lines}
    print("| rows | rules | threads | memory | recount: CPU s / wall / MB / read MB | DuckDB | Polars | columns read once |\n|---|---|---|---|---|---|---|---|")
    for key in sorted({k[:4] for k in latest}):
        cells = []
        for who in ("recount", "duckdb", "polars", "floor"):
            l = latest.get((*key, who))
            told = "-" if l is None else "failed" if "exit" in l else f"{l['cpu']} / {l['wall']} / {l['peak_mb']:,} / {l['read_mb'] or 0:,}"
            cells.append(told + (" (other counts)" if l and l.get("equal") is False else ""))
        print(f"| {key[0]:,} | {key[1]} | {key[2]} | {key[3]} | " + " | ".join(cells) + " |")
    svg(latest)


def svg(latest):
    """CPU seconds by rules, both on logarithmic scales: the largest table that was run."""
    import math
    rows = max(k[0] for k in latest)
    settings = [(k[2], k[3]) for k in latest if k[0] == rows]
    (threads, memory) = max(settings, key=settings.count)
    series = {who: sorted((k[1], l["cpu"]) for k, l in latest.items() if k[0] == rows and k[2:] == (threads, memory, who) and "exit" not in l) for who in ("recount", "duckdb", "polars", "floor")}
    series = {who: points for who, points in series.items() if points}
    values = [v for points in series.values() for _, v in points]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    x = lambda n: 60 + 420 * math.log10(n) / 2
    y = lambda v: 300 - 260 * math.log10(v / low) / math.log10(high / low)
    colours = {"recount": "#0a6", "duckdb": "#c60", "polars": "#06c", "floor": "#777"}
    names = {"recount": "recount, all the way to the report", "duckdb": "DuckDB, one SQL per rule", "polars": "Polars, one query per rule", "floor": "reading the columns once"}
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 350" font-family="sans-serif" font-size="12">',
           f'<text x="60" y="20">CPU seconds by number of rules: {rows:,} payments and {rows * 8 // 10:,} income years, {threads} threads, {memory}</text>']
    for n in (1, 10, 30, 100):
        out.append(f'<line x1="{x(n):.0f}" y1="40" x2="{x(n):.0f}" y2="300" stroke="#ddd"/><text x="{x(n):.0f}" y="318" text-anchor="middle">{n}</text>')
    v = low
    while v <= high:
        out.append(f'<line x1="60" y1="{y(v):.0f}" x2="480" y2="{y(v):.0f}" stroke="#ddd"/><text x="52" y="{y(v) + 4:.0f}" text-anchor="end">{v:g}</text>')
        v *= 10
    for place, (who, points) in enumerate(series.items()):
        line = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colours[who]}" stroke-width="2"/>')
        out += [f'<circle cx="{x(n):.1f}" cy="{y(v):.1f}" r="3" fill="{colours[who]}"/>' for n, v in points]
        out.append(f'<text x="500" y="{60 + 20 * place}" fill="{colours[who]}">{names[who]}</text>')
    out.append('<text x="270" y="340" text-anchor="middle">rules</text></svg>')
    (ROOT / "docs/scale.svg").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "show":
        show(*(pathlib.Path(f).resolve() for f in rest))
    else:
        globals()[command](pathlib.Path(rest[0]).resolve(), *rest[1:])
