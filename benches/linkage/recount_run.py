"""`recount link` on one data set: the link file a user would write, and its outcome in the form the bench measures."""
import json

import polars as pl

import measure

ROLL = """link: 1
from: roll.csv
key: record_no
fields:
  listing_no: household
  relation: relation
  name: person-name
  id_no: citizen-id
  sex: sex
  birth: date
  region_code: region
  phone: phone
  account: account
"""
FEBRL = """fields:
  given_name: latin-name
  surname: latin-name
  street_number: code
  address_1: text
  suburb: text
  postcode: code
  state: code
  date_of_birth: date
  soc_sec_id: account
"""
FAKE = """link: 1
from: records.parquet
key: unique_id
fields:
  first_name: latin-name
  surname: latin-name
  dob: date
  city: latin-name
  email: text
"""


def link_file(name, folder, base):
    if name.startswith("cn"):
        text = ROLL
    elif name == "fake_1000":
        text = FAKE
    elif name == "febrl4":
        text = "link: 1\nfrom: a.parquet\nwith: b.parquet\nkey: unique_id\n" + FEBRL
    else:
        key = "rid" if name == "febrl1" else "unique_id"
        text = f"link: 1\nfrom: records.parquet\nkey: {key}\n" + FEBRL
    path = base / f"{name}.yaml"
    for file in ("roll.csv", "records.parquet", "a.parquet", "b.parquet"):
        text = text.replace(f": {file}", f": {folder.resolve() / file}")
    path.write_text(text)
    return path


def run(measured, recount, name, folder, out, log, threads):
    path = link_file(name, folder, out.parent)
    target = out.parent / f"{name}.found"
    line = measured([recount, "link", str(path), "-o", str(target), "--format", "parquet", "--threads", threads], log)
    own = 0.0
    if line["exit"] == 0:
        model = json.loads((target / "model.json").read_text())
        own = model["accept"] / 1000
        pairs = pl.read_parquet(target / "pairs.parquet")
        if name in ("fake_1000", "febrl1"):
            pairs = pairs.with_columns(pl.col("a").cast(pl.Int64), pl.col("b").cast(pl.Int64))
        pairs.select("a", "b", weight=pl.col("weight_millibits") / 1000).write_parquet(out)
    return line, own


def more(name, folder, base, real):
    """F1 of the groups (after guards), and of household links with their kind."""
    target = base / f"{name}.found"
    groups = pl.read_parquet(target / "clusters.parquet").select(record="record", cluster="cluster")
    if name in ("fake_1000", "febrl1"):
        groups = groups.with_columns(pl.col("record").cast(pl.Int64))
    found = measure.true_pairs(groups.rename({"cluster": "person"}))
    truth = measure.true_pairs(real)
    hits = found.join(truth, on=["a", "b"]).height
    out = {"groups_f1": round(2 * hits / max(1, found.height + truth.height), 4), "groups_precision": round(hits / max(1, found.height), 4)}
    if not name.startswith("cn"):
        return out
    households = pl.read_parquet(target / "households.parquet").filter(pl.col("kind") != "unrelated")
    households = households.select(la=pl.min_horizontal("left", "right"), lb=pl.max_horizontal("left", "right"), kind=pl.col("kind").str.replace_all("-", "_"))
    real = pl.read_csv(folder / "truth_listings.csv").rename({"listing_a": "la", "listing_b": "lb"})
    same = households.filter(pl.col("kind") != "moved_member")
    out["household_f1"], out["household_precision"], out["household_recall"] = measure.household(same, real)
    both = households.join(real.unique(["la", "lb"]), on=["la", "lb"])
    right = both.filter(pl.col("kind").str.replace("moved_member", "moved") == pl.col("class")).height
    out["household_kind_right"] = round(right / max(1, both.height), 4)
    return out
