"""Splink on one data set: python splink_run.py SET FOLDER OUT [threads] [plain|best]

Writes OUT (parquet: a, b, weight) and prints one JSON line with the seconds of each stage. `plain` is the settings of Splink's own
examples; `best` is what a careful user adds for Chinese rolls: cleaned ids, pinyin, custom levels, more blocking rules.
"""
import json, sys, time

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

name, folder, out, threads, effort = (sys.argv[1:] + ["1", "best"][len(sys.argv) - 4 :])[:5]
con = duckdb.connect()
con.execute(f"set threads to {threads}")
con.execute("set memory_limit = '5GB'")
stages, last = {}, time.process_time()


def stage(what):
    global last
    stages[what] = round(time.process_time() - last, 2)
    last = time.process_time()


def levels(column, *custom):
    return cl.CustomComparison(output_column_name=column, comparison_levels=[cll.NullLevel(column), *custom, cll.ElseLevel()])


def cn():
    con.execute(f"create table raw as select * from read_csv('{folder}/roll.csv', all_varchar = true)")
    from pypinyin import lazy_pinyin

    names = con.execute("select distinct replace(name, ' ', '') as name from raw").to_arrow_table()
    import pyarrow as pa

    con.register("pinyin", pa.table({"name": names["name"], "pinyin": ["".join(lazy_pinyin(n or "")) for n in names["name"].to_pylist()]}))
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    total = " + ".join(f"{w} * try_cast(substr(id, {i + 1}, 1) as int)" for i, w in enumerate(weights))
    con.execute(f"""
        create table people as
        with clean as (
            select record_no, replace(name, ' ', '') as name, nullif(sex, '') as sex, try_cast(birth as date) as dob,
                   nullif(region_code, '') as village, nullif(phone, '') as phone, nullif(account, '') as account,
                   upper(regexp_replace(coalesce(id_no, ''), '[^0-9Xx*]', '', 'g')) as raw_id from raw),
        wide as (
            select *, case when length(raw_id) = 15 and raw_id ~ '^[0-9]+$' then substr(raw_id, 1, 6) || '19' || substr(raw_id, 7) else substr(raw_id, 1, 17) end as id17,
                   case when raw_id in ('111111111111111111', '000000000000000000', '') then null else raw_id end as id from clean),
        checked as (
            select *, case when id17 ~ '^[0-9]{{17}}$' then substr('10X98765432', (({total.replace('(id,', '(id17,')}) % 11) + 1, 1) end as due from wide)
        select record_no as unique_id, name, p.pinyin, substr(name, 1, 1) as surname, sex, dob, strftime(dob, '%Y-%m-%d') as dob_text, village, substr(village, 1, 9) as town, phone, account,
               case when length(id) = 15 then id17 || due else id end as id,
               (length(id) = 18 and due = substr(id, 18, 1)) or length(id) = 15 as id_valid
        from checked join pinyin p using (name)""")
    if effort == "plain":
        comparisons = [
            cl.JaroWinklerAtThresholds("name", [0.9, 0.8]).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("id", [1, 2]),
            cl.DateOfBirthComparison("dob_text", input_is_string=True),
            cl.ExactMatch("sex"),
            cl.ExactMatch("village"),
            cl.ExactMatch("phone").configure(term_frequency_adjustments=True),
            cl.ExactMatch("account").configure(term_frequency_adjustments=True),
        ]
    else:
        same = lambda c: cll.ExactMatchLevel(c, term_frequency_adjustments=True)
        comparisons = [
            levels("name", same("name"), same("pinyin"),
                cll.CustomLevel("length(name_l) = length(name_r) and levenshtein(pinyin_l, pinyin_r) <= 2 and surname_l = surname_r", "near pinyin"),
                cll.CustomLevel("jaro_winkler_similarity(name_l, name_r) >= 0.8", "near name"),
                cll.CustomLevel("surname_l = surname_r", "surname")),
            levels("id", cll.ExactMatchLevel("id"),
                cll.CustomLevel("not (id_valid_l and id_valid_r) and damerau_levenshtein(id_l, id_r) <= 1", "one edit, a side invalid"),
                cll.CustomLevel("not (id_valid_l and id_valid_r) and (substr(id_l, 1, 15) = substr(id_r, 1, 15) or damerau_levenshtein(id_l, id_r) <= 2)", "two edits, a side invalid"),
                cll.CustomLevel("substr(id_l, 1, 14) = substr(id_r, 1, 14)", "one birth and area"),
                cll.CustomLevel("not (id_valid_l and id_valid_r)", "differ, a side invalid")),
            levels("dob", cll.ExactMatchLevel("dob"),
                cll.CustomLevel("levenshtein(dob_text_l, dob_text_r) <= 1 or (year(dob_l) = year(dob_r) and month(dob_l) = day(dob_r) and day(dob_l) = month(dob_r))", "one digit or day and month swapped"),
                cll.CustomLevel("abs(date_diff('day', dob_l, dob_r)) <= 50", "within 50 days"),
                cll.CustomLevel("year(dob_l) = year(dob_r)", "year")),
            cl.ExactMatch("sex"),
            levels("village", cll.ExactMatchLevel("village"), cll.CustomLevel("town_l = town_r", "town"), cll.CustomLevel("substr(village_l, 1, 6) = substr(village_r, 1, 6)", "county")),
            levels("phone", same("phone"), cll.CustomLevel("levenshtein(phone_l, phone_r) <= 1", "one digit")),
            levels("account", same("account")),
        ]
    blocking = [block_on("id"), block_on("name", "dob"), block_on("name", "village"), block_on("pinyin", "dob"), block_on("dob", "village"), block_on("account", "sex"), block_on("phone", "name")]
    if effort == "best":
        blocking += [block_on("substr(id, 1, 14)", "surname"), block_on("pinyin", "substr(dob_text, 1, 7)"), block_on("phone", "dob"), block_on("substr(id, 7, 12)")]
    sure = [block_on("id", "name"), block_on("name", "dob", "village"), block_on("name", "dob", "phone")]
    return "people", "dedupe_only", comparisons, blocking, sure, 0.8, [block_on("name", "dob"), block_on("id"), block_on("account", "dob")]


def febrl(tables):
    comparisons = [
        cl.NameComparison("given_name"),
        cl.NameComparison("surname"),
        cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
        cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
        cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
        cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
        cl.LevenshteinAtThresholds("address_1", [2, 5]),
    ]
    if effort == "plain":
        comparisons = comparisons[:5] + [cl.ExactMatch("street_number")]
    blocking = [block_on("soc_sec_id"), block_on("given_name", "surname"), block_on("date_of_birth"), block_on("postcode", "surname"), block_on("postcode", "given_name"), block_on("street_number", "surname"), block_on("address_1")]
    sure = [block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth")]
    return tables, "dedupe_only" if isinstance(tables, str) else "link_only", comparisons, blocking, sure, 0.8, [block_on("date_of_birth"), block_on("postcode", "surname")]


def fake():
    con.execute(f"create table people as select * from '{folder}/records.parquet'")
    comparisons = [
        cl.NameComparison("first_name"),
        cl.NameComparison("surname"),
        cl.DateOfBirthComparison("dob", input_is_string=True),
        cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        cl.EmailComparison("email"),
    ]
    blocking = [block_on("first_name", "city"), block_on("surname"), block_on("dob"), block_on("email"), block_on("first_name", "surname")]
    if effort == "best":
        blocking += [block_on("first_name"), block_on("substr(surname, 1, 3)"), block_on("city", "substr(dob, 1, 4)"), block_on("substr(email, 1, 5)"), block_on("substr(dob, 1, 7)")]
    sure = [block_on("first_name", "surname", "dob"), block_on("email")]
    return "people", "dedupe_only", comparisons, blocking, sure, 0.7, [block_on("first_name", "surname"), block_on("dob")]


def prepare():
    if name.startswith("cn"):
        return cn()
    if name == "fake_1000":
        return fake()
    if name == "febrl1":
        con.execute(f"create table people as select rid as unique_id, * exclude rid from '{folder}/records.parquet'")
        return febrl("people")
    if name == "febrl4":
        for side in "ab":
            con.execute(f"create table {side} as select * from '{folder}/{side}.parquet'")
        return febrl(["a", "b"])
    con.execute(f"create table people as select * from '{folder}/records.parquet'")
    return febrl("people")


tables, link_type, comparisons, blocking, sure, recall, em = prepare()
stage("prepare")
api = DuckDBAPI(con)
settings = SettingsCreator(link_type=link_type, comparisons=comparisons, blocking_rules_to_generate_predictions=blocking, retain_matching_columns=False, retain_intermediate_calculation_columns=False)
frames = api.register(tables) if isinstance(tables, str) else [api.register(t, dataset_display_name=t) for t in tables]
linker = Linker(frames, settings, log_level="ERROR")
linker.training.estimate_probability_two_random_records_match(sure, recall=recall)
stage("prior")
linker.training.estimate_u_using_random_sampling(max_pairs=1e7, seed=1)
stage("u")
for rule in em:
    linker.training.estimate_parameters_using_expectation_maximisation(rule)
stage("em")
pairs = linker.inference.predict(threshold_match_weight=-10)
stage("predict")
clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=0.95)
con.execute(f"select count(*) from {clusters.physical_name}").fetchall()
stage("cluster")
con.execute(f"copy (select unique_id_l as a, unique_id_r as b, match_weight as weight from {pairs.physical_name}) to '{out}'")
print(json.dumps(stages))
