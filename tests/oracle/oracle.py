"""A second opinion on `recount query`: random small tables, a corpus of questions, and the same questions asked of DuckDB.

    make oracle              (or: python3 tests/oracle/oracle.py PATH-OF-RECOUNT [SEEDS])

Needs the Python package `duckdb`; without it the test is skipped with a message. Rows are compared as a bag, and as a list where the
question orders them fully. Each question is written once when both read it alike, else as (ours, DuckDB's).
"""

import csv
import io
import random
import subprocess
import sys
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path

try:
    import duckdb
except ImportError:
    print("oracle: skipped, the Python package `duckdb` is not installed (pip install duckdb)")
    sys.exit(0)

PROJECT = """
recount: 1
tables:
  a:
    from: a.csv
    key: [id]
    columns: {id: int, k: int, g: code, v: int, m: {type: money, unit: yuan}, d: date, s: text, x: {type: decimal, scale: 2}}
  b:
    from: b.csv
    key: [id]
    columns: {id: int, k: int, g: code, w: int, e: date, s: text}
  none:
    from: none.csv
    key: [id]
    columns: {id: int, k: int, v: int, s: text}
"""
TYPES = {
    "a": "id BIGINT, k BIGINT, g VARCHAR, v BIGINT, m DECIMAL(18,2), d DATE, s VARCHAR, x DECIMAL(18,2)",
    "b": "id BIGINT, k BIGINT, g VARCHAR, w BIGINT, e DATE, s VARCHAR",
    "none": "id BIGINT, k BIGINT, v BIGINT, s VARCHAR",
}
TEXTS = ["贵阳市", "安顺市", "a", "b", "ab", "B", "户", "ＡＢ", "x y", "zz"]


def tables(rng):
    """Rows per table: few distinct keys, many ties, some values missing."""
    maybe = lambda value, p=0.15: "" if rng.random() < p else value
    day = lambda: f"20{rng.randint(10, 21)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    keys = rng.randint(1, 12)
    a, b = [], []
    for i in range(rng.choice([0, 1, 5, 40, 200])):
        a.append([i, maybe(rng.randint(0, keys)), maybe(rng.choice("XYZ")), maybe(rng.randint(-50, 50)),
                  maybe(f"{rng.randint(-99999, 99999) / 100:.2f}"), maybe(day()), maybe(rng.choice(TEXTS)), maybe(f"{rng.randint(-500, 500) / 100:.2f}")])
    for i in range(rng.choice([0, 1, 5, 30, 90])):
        b.append([i, maybe(rng.randint(0, keys)), maybe(rng.choice("YZW")), maybe(rng.randint(-9, 9)), maybe(day()), maybe(rng.choice(TEXTS))])
    return {"a": a, "b": b, "none": []}


def corpus(rng):
    """(name, ours, DuckDB's, ordered)."""
    n = lambda: rng.randint(-20, 20)
    cmp = lambda: rng.choice(["<", "<=", "=", "<>", ">", ">="])
    frame = lambda: rng.choice(["rows between unbounded preceding and current row", "rows between 2 preceding and 1 following",
                                "rows between current row and unbounded following", "rows between 3 preceding and 1 preceding",
                                "rows between unbounded preceding and unbounded following", "rows between 1 following and 2 following",
                                "range between unbounded preceding and current row", "range between current row and unbounded following"])
    nulls = lambda: rng.choice(["", " nulls first", " nulls last", " desc", " desc nulls first", " desc nulls last"])
    join = lambda: rng.choice(["join", "left join", "right join", "full join"])
    same = []
    add = lambda name, sql, ordered=False: same.append((name, sql, sql, ordered))
    two = lambda name, ours, theirs, ordered=False: same.append((name, ours, theirs, ordered))
    for _ in range(3):
        c, o = n(), cmp()
        add("filter", f"select id, v from a where v {o} {c} or (k {cmp()} {rng.randint(0, 9)} and g = 'X')")
        add("unknown", f"select id from a where not (v {o} {c} and k > 3)")
        add("join", f"select a.id, b.id as other, a.v, b.w from a {join()} b on a.k = b.k")
        add("join residual", f"select a.id, b.id as other from a {join()} b on a.k = b.k and a.v {o} b.w")
        add("join two keys", f"select a.id, b.id as other from a {join()} b on a.k = b.k and a.g = b.g and b.w {cmp()} {n() // 3}")
        add("join text", f"select a.id, b.id as other from a {join()} b on a.s = b.s")
        add("where after join", f"select a.id, b.id as other from a left join b on a.k = b.k where b.w is null or b.w {o} {c}")
        two("semi", f"select id from a semi join b on a.k = b.k and b.w {o} a.v", f"select id from a where exists (select 1 from b where a.k = b.k and b.w {o} a.v)")
        two("anti", f"select id from a anti join b on a.k = b.k and b.w {o} {c}", f"select id from a where not exists (select 1 from b where a.k = b.k and b.w {o} {c})")
        add("exists", f"select id from a where exists (select 1 from b where b.k = a.k and b.g <> a.g) and v {o} {c}")
        add("not exists", f"select id from a where not exists (select 1 from b where b.s = a.s and b.w > {c})")
        add("in select", f"select id from a where k in (select k from b where w {o} {c})")
        add("group", f"select g, count(*) as n, count(v) as c, sum(v) as s, min(v) as lo, max(v) as hi, min(d) as first, max(s) as last from a where k {o} {abs(c) // 3} group by g")
        add("group two", "select k, g, count(distinct v) as n, count(distinct s) as m, sum(m) as t from a group by k, g")
        add("group filter", f"select k, sum(v) filter (where v {o} {c}) as s, count(*) filter (where g = 'X') as n, min(x) filter (where d is not null) as x from a group by k")
        add("having", f"select k, sum(v) as s from a group by k having sum(v) {o} {c} and count(*) > 1")
        two("whole", "select count(*) as n, sum(v) as s, avg(v) as a, median(x) as m, max(s) as t from a",
            "select count(*) as n, sum(v) as s, round(avg(v), 6) as a, round(median(x::DECIMAL(18,4)), 2) as m, max(s) as t from a")
        two("avg", "select g, avg(v) as a, avg(x) as b, avg(m) as c from a group by g",
            "select g, round(sum(v)::DECIMAL(38,10) / count(v), 6) as a, round(sum(x)::DECIMAL(38,10) / count(x), 2) as b, round(sum(m)::DECIMAL(38,10) / count(m), 2) as c from a group by g")
        two("median", "select g, median(x) as m, percentile(v, 90) as p from a group by g",
            "select g, round(median(x::DECIMAL(18,4)), 2) as m, quantile_disc(v, 0.9) as p from a group by g")
        add("order", f"select id, g, v from a order by g{nulls()}, v{nulls()}, id limit {rng.randint(0, 30)} offset {rng.randint(0, 5)}", True)
        add("top", f"select id, m from a order by m{nulls()}, id limit 3", True)
        add("order text", f"select s, id from a order by s{nulls()}, d{nulls()}, id desc", True)
        add("window sums", f"select id, sum(v) over (partition by g order by k{nulls()}, id {frame().replace('range', 'rows')}) as s, count(v) over (partition by g order by k{nulls()}, id {frame().replace('range', 'rows')}) as n from a")
        add("window range", f"select id, sum(v) over (partition by g order by k{nulls()} range between unbounded preceding and current row) as s from a")
        add("window edges", f"select id, min(v) over (partition by k order by d{nulls()}, id {frame().replace('range', 'rows')}) as lo, max(m) over (order by id {frame().replace('range', 'rows')}) as hi from a")
        add("ranks", f"select id, row_number() over (partition by g order by v{nulls()}, id) as n, rank() over (partition by g order by v{nulls()}) as r, dense_rank() over (order by k{nulls()}) as d from a")
        add("lag", f"select id, lag(v) over (partition by g order by d, id) as p, lead(v, 2) over (order by id) as q, lag(v, 1, 7) over (partition by k order by id) as z, lag(s) over (order by id) as t from a")
        add("first last", f"select id, first_value(v) over (partition by g order by id rows between 2 preceding and current row) as f, last_value(s) over (partition by g order by id rows between unbounded preceding and unbounded following) as l from a")
        add("window over groups", "select k, sum(v) as s, sum(sum(v)) over (order by k rows between unbounded preceding and current row) as c, row_number() over (order by sum(v) desc, k) as n from a where k is not null group by k")
        add("qualify", "select id, g from a qualify row_number() over (partition by g order by v desc nulls last, id) <= 2")
        add("distinct", "select distinct g, k from a")
        add("distinct order", "select distinct g, s from a order by s nulls first, g", True)
        add("union all", f"select id, g from a where v {o} {c} union all select id, g from b")
        add("union", "select k, g from a union select k, g from b order by k, g", True)
        add("with", f"with t as (select k, count(*) as n, sum(v) as s from a group by k), u as (select k, max(w) as w from b group by k) select t.k, n, s, w from t left join u on t.k = u.k where n > 1 or w {o} {c}")
        add("subquery", f"select x.g, x.n from (select g, count(*) as n from a group by g) as x where x.n > (select count(*) / 4 from a)")
        add("scalar", "select id, v - (select max(w) from b) as diff from a where v > (select min(v) from a)")
        add("empty join", f"select a.id, none.v from a {join()} none on a.k = none.k")
        add("empty group", "select k, count(*) as n from none group by k")
        add("empty whole", "select count(*) as n, sum(v) as s, max(s) as m from none")
        add("case", f"select id, case when v > {c} then 'high' when v is null then 'none' else g end as w, coalesce(k, -1) as k, nullif(g, 'X') as h from a")
        add("like", "select id from a where s like '%市' or s like 'a_' or s in ('a', '户')")
        add("between", f"select id from a where d between date '2013-01-01' and date '2018-06-30' and v not between {min(c, 3)} and 5")
        add("arithmetic", "select id, v + k as p, v - k as q, v * k as r, -v as t, v % 7 as u, x * 2 as y, x + v as z from a")
        two("division", "select id, v / nullif(k, 0) as q, v / k as z, x / 3 as t from a",
            "select id, round(v::DECIMAL(20,0)::DECIMAL(30,10) / nullif(k, 0)::DECIMAL(18,0), 6) as q, round(v::DECIMAL(30,10) / nullif(k, 0)::DECIMAL(18,0), 6) as z, round(x::DECIMAL(30,10) / 3::DECIMAL(18,0), 6) as t from a")
        two("money", "select id, m * 1.5 as a, m / 3 as b, abs(m) as c, m > yuan(10) as p from a",
            "select id, round(m * 1.5, 2) as a, round(m::DECIMAL(30,10) / 3::DECIMAL(18,0), 2) as b, abs(m) as c, m > 10 as p from a")
        two("rounding", "select id, round(x) as r, round(x * 10) as t from a", "select id, round(x, 0) as r, round(x * 10, 0) as t from a")
        two("dates", "select a.id, days(a.d, b.e) as n, year(a.d) as y, d + days(30) as p, d + months(1) as q, day_of_month(d) as z from a join b on a.k = b.k",
            "select a.id, date_diff('day', a.d, b.e) as n, year(a.d) as y, d + 30 as p, cast(d + interval 1 month as date) as q, day(d) as z from a join b on a.k = b.k")
        add("texts", "select id, length(s) as n, upper(g) as u, substring(s, 1, 2) as t, s || g as c from a where s <> 'a'")
        two("concat", "select id, concat(s, g, 'x') as c from a", "select id, s || g || 'x' as c from a")
        two("greatest", "select id, greatest(v, k) as hi, least(v, k, 3) as lo from a", "select id, greatest(v, k) as hi, least(v, k, 3) as lo from a")
        add("self join", "select p.id, q.id as other from a p join a q on p.k = q.k and p.id < q.id")
        add("three", "select a.id, b.id as b, c.id as c from a left join b on a.k = b.k left join a c on c.g = b.g and c.v = b.w")
        add("using", "select k, a.id, b.id as other from a join b using (k)")
        add("comma", f"select a.id, b.id as other from a, b where a.k = b.k and a.g = b.g and a.v {o} {c}")
        add("alias", "select k % 3 as r, count(*) as n from a group by r having n > 1 order by n desc, r", True)
    return same


def value(text):
    """Numbers by value, everything else as it is written."""
    if text == "":
        return None
    try:
        number = Decimal(text)
        return ("n", number.normalize() + 0)
    except InvalidOperation:
        return ("t", text)


def theirs(cell):
    if cell is None:
        return None
    if isinstance(cell, bool):
        return ("t", "true" if cell else "false")
    if isinstance(cell, float):
        return ("n", Decimal(repr(cell)).quantize(Decimal("0.000001")).normalize() + 0)
    return value(str(cell))


def order(row):
    return [(cell is not None, cell[0] if cell else "", cell[1] if cell else 0) for cell in row]


def main():
    program = Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/recount").resolve()
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    asked = wrong = 0
    for seed in range(seeds):
        rng = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "recount.yaml").write_text(PROJECT, encoding="utf-8")
            (root / "rules").mkdir()
            db = duckdb.connect()
            for name, rows in tables(rng).items():
                header = [c.split()[0] for c in TYPES[name].split(", ")]
                shuffled = rng.sample(rows, len(rows))
                with open(root / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerows([header, *shuffled])
                db.execute(f"CREATE TABLE {name} ({TYPES[name]})")
                for row in rows:
                    db.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", [None if cell == "" else cell for cell in row])
            for name, ours, duck, ordered in corpus(rng):
                asked += 1
                threads = str(rng.choice([1, 2]))
                run = subprocess.run([program, "query", ours, "-p", folder, "--format", "csv", "--as-of", "2021-12-31", "--threads", threads],
                                     capture_output=True, text=True, encoding="utf-8")
                try:
                    want = [tuple(theirs(cell) for cell in row) for row in db.execute(duck).fetchall()]
                except duckdb.Error as error:
                    print(f"seed {seed} {name}: DuckDB refuses: {error}\n  {duck}")
                    wrong += 1
                    continue
                if run.returncode != 0:
                    print(f"seed {seed} {name}: refused\n  {ours}\n{run.stderr}")
                    wrong += 1
                    continue
                got = [tuple(value(cell) for cell in row) for row in list(csv.reader(io.StringIO(run.stdout)))[1:]]
                if not ordered:
                    got.sort(key=order)
                    want.sort(key=order)
                if got != want:
                    wrong += 1
                    different = [(g, w) for g, w in zip(got, want) if g != w][:3]
                    print(f"seed {seed} {name}: {len(got)} rows, DuckDB {len(want)}\n  {ours}\n  {duck}\n  first different: {different}")
    print(f"oracle: {asked} questions over {seeds} sets of tables, {wrong} answers differ from DuckDB {duckdb.__version__}")
    sys.exit(1 if wrong else 0)


main()
