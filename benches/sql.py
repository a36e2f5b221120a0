"""Ad hoc questions over a large table, beside DuckDB on the same Parquet: CPU seconds, wall, peak memory, and equal answers.

    python3 benches/sql.py make FOLDER [ROWS]        # writes payments.parquet, persons.parquet and a project
    python3 benches/sql.py run FOLDER [RECOUNT]      # medians of three runs; the store is filled by a run before them

Needs the Python packages polars, numpy and duckdb.
"""

import csv
import io
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = """
recount: 1
tables:
  payments:
    from: payments.parquet
    key: [payment_id]
    columns:
      payment_id: int
      person: int
      programme: code
      town: int
      amount: {type: money, unit: fen}
      paid_on: date
  persons:
    from: persons.parquet
    key: [person]
    columns: {person: int, county: int, household: int, born: int}
"""

# Ours, and DuckDB's where it reads otherwise. Amounts are fen in the file, money here: sums differ by 100.
QUESTIONS = [
    ("filter, group by", "select programme, count(*) as n, sum(amount) as total from payments where paid_on >= date '2018-01-01' and amount > yuan(100) group by programme order by programme",
     "select programme, count(*) as n, sum(amount) / 100 as total from payments where paid_on >= date '2018-01-01' and amount > 10000 group by programme order by programme"),
    ("group by person", "select person, count(*) as n, sum(amount) as total from payments group by person order by total desc, person limit 10",
     "select person, count(*) as n, sum(amount) / 100 as total from payments group by person order by total desc, person limit 10"),
    ("join, group by", "select p.county, count(*) as n, sum(amount) as total from payments join persons p using (person) where p.born < 1950 group by p.county order by p.county",
     "select p.county, count(*) as n, sum(amount) / 100 as total from payments join persons p using (person) where p.born < 1950 group by p.county order by p.county"),
    ("top 10", "select payment_id, person, amount from payments order by amount desc, payment_id limit 10",
     "select payment_id, person, amount / 100 as amount from payments order by amount desc, payment_id limit 10"),
    ("window", "select count(*) as n, sum(late) as days from (select days(lag(paid_on) over (partition by person order by paid_on, payment_id), paid_on) as late from payments) as t where late > 300",
     "select count(*) as n, sum(late) as days from (select date_diff('day', lag(paid_on) over (partition by person order by paid_on, payment_id), paid_on) as late from payments) as t where late > 300"),
    ("one person", "select payment_id, programme, amount, paid_on from payments where person = 123456 order by payment_id",
     "select payment_id, programme, amount / 100 as amount, paid_on from payments where person = 123456 order by payment_id"),
    ("one payment", "select payment_id, person, amount from payments where payment_id = 7654321",
     "select payment_id, person, amount / 100 as amount from payments where payment_id = 7654321"),
]


def make(folder, rows):
    import numpy as np
    import polars as pl
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    persons = max(rows // 10, 1)
    pl.DataFrame({
        "payment_id": np.arange(rows, dtype=np.int64),
        "person": rng.integers(0, persons, rows),
        "programme": np.array(["DIBAO", "PENSION", "EDU", "ECO", "DISAB", "TEKUN", "HOUSE", "RELOC"])[rng.integers(0, 8, rows)],
        "town": rng.integers(0, 400, rows),
        "amount": (rng.lognormal(9.5, 1.0, rows)).astype(np.int64),
        "paid_on": (np.datetime64("2010-01-01") + rng.integers(0, 4000, rows).astype("timedelta64[D]")).astype("datetime64[D]"),
    }).write_parquet(folder / "payments.parquet")
    pl.DataFrame({
        "person": np.arange(persons, dtype=np.int64),
        "county": rng.integers(0, 88, persons),
        "household": rng.integers(0, persons // 3 + 1, persons),
        "born": rng.integers(1930, 2015, persons),
    }).write_parquet(folder / "persons.parquet")
    (folder / "recount.yaml").write_text(PROJECT, encoding="utf-8")
    (folder / "rules").mkdir(exist_ok=True)


DUCK = """
import duckdb, sys
db = duckdb.connect(config={"threads": 2})
db.execute("SET enable_progress_bar = false")
for table in ("payments", "persons"):
    db.execute(f"CREATE VIEW {table} AS SELECT * FROM '{sys.argv[1]}/{table}.parquet'")
print("\\n".join(",".join(str(cell) for cell in row) for row in db.execute(sys.argv[2]).fetchall()))
"""


def measured(command):
    """Median CPU and wall seconds, largest peak in MB, and the output."""
    cpu, wall, peak, output = [], [], 0, ""
    for _ in range(3):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        output, errors = run.communicate()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if run.returncode:
            sys.exit(f"{command}\n{errors}")
        wall.append(time.monotonic() - start)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    timed = subprocess.run(["/usr/bin/time", "-f", "%M", *command], capture_output=True, text=True)
    peak = int(timed.stderr.strip().splitlines()[-1]) // 1024 if timed.returncode == 0 else 0
    return statistics.median(cpu), statistics.median(wall), peak, output


def rows(text, header):
    parsed = list(csv.reader(io.StringIO(text)))[1 if header else 0:]
    return [[round(float(c), 6) if c.replace(".", "", 1).replace("-", "", 1).isdigit() else c for c in row] for row in parsed]


def run(folder, program):
    for sql in ("select count(*) from payments", "select count(*) from persons", *(ours for _, ours, _ in QUESTIONS)):
        subprocess.run([program, "query", sql, "-p", folder], check=True, capture_output=True)
    print("| question | recount CPU s | wall s | peak MB | DuckDB CPU s | wall s | peak MB | equal |")
    print("|---|---|---|---|---|---|---|---|")
    for name, ours, duck in QUESTIONS:
        a = measured([program, "query", ours, "-p", folder, "--threads", "2", "--format", "csv"])
        b = measured([sys.executable, "-c", DUCK, folder, duck])
        equal = "yes" if rows(a[3], True) == rows(b[3], False) else f"NO: {a[3][:200]} / {b[3][:200]}"
        print(f"| {name} | {a[0]:.2f} | {a[1]:.2f} | {a[2]} | {b[0]:.2f} | {b[1]:.2f} | {b[2]} | {equal} |", flush=True)


if sys.argv[1] == "make":
    make(Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 10_000_000)
else:
    run(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "target/release/recount")
