"""Accuracy of pairs and of household links against the truth."""
import numpy as np
import polars as pl


def ordered(pairs):
    return pairs.select(pl.min_horizontal("a", "b").alias("a"), pl.max_horizontal("a", "b").alias("b"), "weight").unique(["a", "b"], keep="first")


def true_pairs(truth):
    """truth: record, person -> all pairs of one person."""
    t = truth.rename({"record": "a"}).join(truth.rename({"record": "b"}), on="person")
    return t.filter(pl.col("a") < pl.col("b")).select("a", "b")


def pairwise(pairs, truth, own):
    """Best F1, F1 / precision / recall at weight `own`, highest recall with precision of .999 and .99."""
    real = true_pairs(truth)
    scored = ordered(pairs).join(real.with_columns(hit=pl.lit(1)), on=["a", "b"], how="left").with_columns(pl.col("hit").fill_null(0)).sort("weight", descending=True)
    weight, hit = scored["weight"].to_numpy(), scored["hit"].to_numpy().astype(np.int64)
    tp = np.cumsum(hit)
    n = np.arange(1, len(hit) + 1)
    # A threshold can only stand between different weights.
    ends = np.append(np.flatnonzero(np.diff(weight)), len(hit) - 1)
    tp, n, cut = tp[ends], n[ends], weight[ends]
    precision, recall = tp / n, tp / real.height
    f1 = 2 * tp / (n + real.height)
    best = int(np.argmax(f1))
    at = np.flatnonzero(cut >= own)
    at = at[-1] if len(at) else 0
    sure = recall[precision >= 0.999]
    return {"true": real.height, "candidates": len(hit), "found_by_blocking": round(float(hit.sum() / real.height), 4), "best_f1": round(float(f1[best]), 4), "best_at": round(float(cut[best]), 2),
            "own_f1": round(float(f1[at]), 4), "own_precision": round(float(precision[at]), 4), "own_recall": round(float(recall[at]), 4),
            "recall_at_p999": round(float(sure.max()) if len(sure) else 0.0, 4), "recall_at_p99": round(float(recall[precision >= 0.99].max() if (precision >= 0.99).any() else 0), 4)}


def voted(pairs, own, listing_of):
    """Household links from person links alone, by the rule a careful user of a person linker writes: two listings are one household where
    linked members are a given share of the smaller one."""
    size = listing_of.group_by("listing").agg(size=pl.len(), place=pl.col("place").drop_nulls().mode().sort().first())
    p = ordered(pairs).filter(pl.col("weight") >= own)
    p = p.join(listing_of.rename({"record": "a", "listing": "la"}), on="a").join(listing_of.rename({"record": "b", "listing": "lb"}), on="b").filter(pl.col("la") != pl.col("lb"))
    p = p.select(pl.min_horizontal("la", "lb").alias("la"), pl.max_horizontal("la", "lb").alias("lb"), "a", "b")
    k = p.group_by("la", "lb").agg(k=pl.min_horizontal(pl.col("a").n_unique(), pl.col("b").n_unique()))
    k = k.join(size.rename({"listing": "la", "size": "na", "place": "pa"}), on="la").join(size.rename({"listing": "lb", "size": "nb", "place": "pb"}), on="lb")
    return k.with_columns(share=pl.col("k") / pl.min_horizontal("na", "nb"), both=pl.col("k") / pl.max_horizontal("na", "nb"))


def household(found, truth):
    """found: la, lb; truth: listing pairs with class. F1 of `same household` (listed twice, split, merged); a moved member is none."""
    same = truth.filter(pl.col("class") != "moved").select("la", "lb").unique()
    tp = found.select("la", "lb").unique().join(same, on=["la", "lb"]).height
    n = found.select("la", "lb").unique().height
    return round(2 * tp / max(1, n + same.height), 4), round(tp / max(1, n), 4), round(tp / max(1, same.height), 4)
