//! Arguments of every command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Audits social-assistance programmes: loads their tables, runs declarative rules over them, and gives inspectors cases that can
/// be checked. A finding is a lead, never a verdict.
#[derive(Debug, Parser)]
#[command(name = "recount", version, propagate_version = true, max_term_width = 120)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// Project file, or the folder it lies in; default: the nearest recount.yaml upward
    #[arg(short, long, global = true, value_name = "PATH")]
    pub project: Option<PathBuf>,
    /// Threads to use; default: all cores. The result never depends on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Colour in messages
    #[arg(long, global = true, value_enum, default_value_t = Choice::Auto, value_name = "WHEN")]
    pub color: Choice,
    /// How messages are shown
    #[arg(long, global = true, value_enum, default_value_t = Messages::Full, value_name = "FORM")]
    pub messages: Messages,
    /// More log lines (-v info, -vv debug); RECOUNT_LOG takes a filter
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log lines as JSON
    #[arg(long, global = true)]
    pub log_json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Messages {
    /// With the lines they are about
    Full,
    /// One line each
    Concise,
    /// For editors
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(InitArgs),
    Run(RunArgs),
    Load(LoadArgs),
    Lint(LintArgs),
    Test(TestArgs),
    DiffRules(DiffRulesArgs),
    Query(QueryArgs),
    Link(LinkArgs),
    Synth(SynthArgs),
    Score(ScoreArgs),
    Explain(ExplainArgs),
    List(ListArgs),
    Generate(GenerateArgs),
}

/// Makes a project that already runs: small tables, policy files, two rules; with --canonical one for your own files
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Folder to make it in
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The canonical programme without data: all tables with the headers that exports commonly carry, policy tables to fill in, all
    /// shipped rules, and an empty `data/` with a page that says which file goes where
    #[arg(long)]
    pub canonical: bool,
    /// With --canonical: years for which the files are complete; default: the last four
    #[arg(long, value_name = "FIRST-LAST", requires = "canonical", value_parser = years)]
    pub years: Option<(i32, i32)>,
    /// With --canonical: code of the province, prefecture or county that the region tree begins with
    #[arg(long, value_name = "CODE", requires = "canonical", value_parser = region)]
    pub region: Option<i64>,
}

/// `2017-2020`, or one year.
fn years(text: &str) -> Result<(i32, i32), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let year = |text: &str| text.trim().parse::<i32>().ok().filter(|y| (1949..=2100).contains(y));
    let both = year(first).zip(year(last)).filter(|(first, last)| first <= last);
    both.ok_or_else(|| format!("`{text}` are no years; write 2017-2020"))
}

/// A code of 2, 4 or 6 digits.
fn region(text: &str) -> Result<i64, String> {
    let code = crate::schema::region::parse(text).map_err(|bad| bad.problem)?;
    if code % 1_000_000 == 0 { Ok(code) } else { Err(format!("`{text}` lies below the county; give a code of 2, 4 or 6 digits")) }
}

/// Audits: loads the tables, runs the rules, writes a run folder with the report
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Day of the audit; default: today
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Only rules whose id matches, such as `funds/*`; may be given several times
    #[arg(long = "rule", value_name = "PATTERN")]
    pub rules: Vec<String>,
    /// Only records in this region: a code of 2, 4, 6, 9 or 12 digits, or a name
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// A parameter's value for this run, in the parameter's own unit; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Memory for tables and the nodes over them, such as 4GiB: delivered files are put in order on disk, rules that need more are judged
    /// part by part from the store, or refused where what belongs together cannot be parted. Findings are held besides
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
    /// Show rows, time, memory and sharing of each step
    #[arg(long)]
    pub profile: bool,
    /// Judge each rule by itself, sharing nothing: slower, for comparison; the result is the same
    #[arg(long)]
    pub one_by_one: bool,
    /// Take over what the last run with --incremental judged, where nothing changed that it follows from, and keep what the next needs; the
    /// result is that of a full run
    #[arg(long, hide = true, conflicts_with_all = ["memory", "no_store", "one_by_one"])]
    pub incremental: bool,
    /// How many visits the staff can make: the ranked list is cut to them
    #[arg(long, value_name = "N")]
    pub visits: Option<u64>,
    /// Level of the areas that share the visits
    #[arg(long, value_enum, default_value_t = AreaLevel::Town, requires = "visits", value_name = "LEVEL")]
    pub by: AreaLevel,
    /// Language of the report
    #[arg(long, value_enum, default_value_t = Language::En, value_name = "LANG")]
    pub lang: Language,
    /// Exit code 1 when a finding is at least this severe
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<SeverityWord>,
    /// Exit code 2 also when a rule is skipped
    #[arg(long)]
    pub strict: bool,
    /// Who allows columns marked `restricted:` to be read; goes to the journal
    #[arg(long, value_name = "REF")]
    pub authority: Option<String>,
    /// Folder of the runs; default: runs/ beside the project file
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Read the delivered files again, though a store of them is up to date
    #[arg(long)]
    pub no_store: bool,
}

/// Reads the delivered files into the store ahead of a run, and shows what each delivery holds. Exit code 1 when a control total of
/// `expect:` does not agree
#[derive(Debug, Args)]
pub(super) struct LoadArgs {
    /// Only these tables; default: all
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Day of the audit: of a snapshot table the latest records up to it are stored; default: today
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Memory that reading may take, such as 4GiB: records are put in order on disk beside the store, and what is stored is the same
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
    /// Who allows columns marked `restricted:` to be read; without it they are not stored
    #[arg(long, value_name = "REF")]
    pub authority: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AreaLevel {
    Prefecture,
    County,
    Town,
    Village,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    En,
    Zh,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SeverityWord {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// `512MiB`, `4GiB`, `2GB`, or bytes.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(format!("`{unit}` is not a unit of memory; write 512MiB or 4GiB")),
    };
    let size = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|&n| n > 0);
    size.ok_or_else(|| format!("`{text}` is not a size; write 512MiB or 4GiB"))
}

/// Checks rule files without data: are they well formed, do they fit the tables, do they say what a finding needs? With --data checks a
/// delivery: what of it maps, what is missing, which rules that disables
#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// Only rules whose id matches, such as `funds/*`
    #[arg(value_name = "PATTERN")]
    pub rules: Vec<String>,
    /// The files that are there against the tables: columns and the headers they are read from, what is missing, rules that cannot run or
    /// judge, kinds of the catalogue that are not looked for. Exit code 1 when a file cannot be read as it is; only headers are read
    #[arg(long)]
    pub data: bool,
    /// With --data: form of the result
    #[arg(long, value_enum, default_value_t = DataForm::Text, requires = "data", value_name = "FORM")]
    pub format: DataForm,
    /// With --data: language of the result
    #[arg(long, value_enum, default_value_t = Language::En, requires = "data", value_name = "LANG")]
    pub lang: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DataForm {
    Text,
    Json,
}

/// Runs the tests that stand in the rule files
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Only rules whose id matches, such as `funds/*`
    #[arg(value_name = "PATTERN")]
    pub rules: Vec<String>,
    /// Changes each stable rule in small ways and refuses it when no test notices
    #[arg(long)]
    pub mutate: bool,
}

/// Shows what a change of rules changes before it is published: findings gained and lost, money, sample records
#[derive(Debug, Args)]
pub(super) struct DiffRulesArgs {
    /// Rule file or folder of rules as it was; `inputs/rules` of a run folder holds the rules of that run
    pub old: PathBuf,
    /// Rule file or folder of rules as it is to be
    pub new: PathBuf,
    /// A run whose day, region and `--set` are taken; its name under runs/ or its folder. Default: the project as it is, today
    #[arg(long, value_name = "RUN")]
    pub on: Option<PathBuf>,
    /// Day of the audit
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Findings shown of those gained and of those lost, per rule
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub samples: usize,
    /// Language of the findings
    #[arg(long, value_enum, default_value_t = Language::En, value_name = "LANG")]
    pub lang: Language,
}

/// Filters the findings of a run, asks a question in SQL, or shows all records of one subject
#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    /// Condition on findings, such as `severity >= 'high' and amount > 10000`; fields: rule, family, severity, amount, region, date,
    /// period, measure, entity, subject, case, rank, exempt, records, key. Default: not exempt. A text that begins with `select` or
    /// `with` is a question in SQL over the project's tables and views, and over the run's recount.findings, recount.cases,
    /// recount.outcomes and recount.rejected
    #[arg(value_name = "CONDITION OR SELECT")]
    pub condition: Option<String>,
    /// A question in SQL; `-` reads it from the standard input
    #[arg(long, value_name = "SELECT", conflicts_with = "condition")]
    pub sql: Option<String>,
    /// All records of one subject in all tables: `person=ID`, `household=KEY` (entities as the rules name them), or `TABLE.COLUMN=VALUE`
    #[arg(long, value_name = "ENTITY=VALUE", conflicts_with_all = ["condition", "sql", "run"])]
    pub subject: Option<String>,
    /// Run folder, or its name under runs/; default: the latest
    #[arg(short, long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Form of the result; default: a table, and csv for SQL when the output is no terminal
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<TableForm>,
    /// SQL: only records in this region, of the first table of each `from`: a code, or a name
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// SQL and subjects: the day of `as_of()` and of snapshots; default: today
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// SQL: a parameter's value for this question, in the parameter's own unit; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// SQL and subjects: read the delivered files again, though a store of them is up to date
    #[arg(long)]
    pub no_store: bool,
    /// Language of the messages
    #[arg(long, value_enum, default_value_t = Language::En, value_name = "LANG")]
    pub lang: Language,
    /// Show personal data in full; needs --authority and is logged
    #[arg(long, requires = "authority")]
    pub reveal: bool,
    /// Who allows it, or allows columns marked `restricted:` to be read: a document number
    #[arg(long, value_name = "REF")]
    pub authority: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TableForm {
    Table,
    Csv,
    Json,
}

/// Finds one person or household under several records: probabilistic record linkage over files
#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    /// The link file: which files, which fields, what they mean (docs/linkage.md)
    pub file: PathBuf,
    /// Folder for pairs, groups, households, report and model; default: beside the link file, with the extension .link
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Only estimate the parameters, print them with their convergence, and write the model file
    #[arg(long, conflicts_with_all = ["pair", "judgements"])]
    pub train: bool,
    /// Model file to use instead of training (with --train: where to write it)
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// What inspectors said about pairs: CSV with a, b, verdict (same, different, unsure)
    #[arg(long, value_name = "FILE")]
    pub judgements: Option<PathBuf>,
    /// Pairs whose truth is known, in the form of judgements: parameters are learnt from them too, and the line can be drawn by them (accept: labels)
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Folder of an earlier run made with --keep: its model is used, and only pairs with a new or changed record are compared
    #[arg(long, value_name = "DIR", conflicts_with_all = ["train", "model"])]
    pub since: Option<PathBuf>,
    /// Also keep what --since of a later run needs
    #[arg(long, conflicts_with_all = ["train", "pair"])]
    pub keep: bool,
    /// Show why two records were or were not linked
    #[arg(long, num_args = 2, value_names = ["KEY", "KEY"])]
    pub pair: Option<Vec<String>>,
    /// Form of the tables
    #[arg(long, value_enum, default_value_t = LinkForm::Csv, value_name = "FORM")]
    pub format: LinkForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LinkForm {
    Csv,
    Parquet,
    /// One object a line
    Json,
}

/// Writes a synthetic programme with planted cases, innocent look-alikes and the truth about both; with --roll a roll of people for linkage
#[derive(Debug, Args)]
pub(super) struct SynthArgs {
    /// Write a roll of about N people for record linkage instead: kin, twins, mistakes at stated rates, households counted twice
    #[arg(long, value_name = "N", conflicts_with_all = ["households", "years", "rules"])]
    pub roll: Option<usize>,
    /// With --roll: a roll kept badly
    #[arg(long, requires = "roll")]
    pub hard: bool,
    /// Planted cases of each kind for 10,000 households, and as many look-alikes
    #[arg(long, default_value_t = 5, value_name = "N", conflicts_with = "roll")]
    pub prevalence: u32,
    /// Households of a village; default: 24 below 5,000 households, else 100
    #[arg(long, value_name = "N", conflicts_with = "roll")]
    pub village_size: Option<usize>,
    /// Plant every kind at all of its doses, so many cases at each; the truth says which
    #[arg(long, conflicts_with = "roll")]
    pub doses: bool,
    /// Households in the register
    #[arg(long, default_value_t = 2000, value_name = "N")]
    pub households: usize,
    /// Years of data; they end with 2020
    #[arg(long, default_value_t = 4, value_name = "Y")]
    pub years: usize,
    /// The same seed gives the same files
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// Folder to write to
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Folder of rules that the project file names, relative to it
    #[arg(long, value_name = "DIR")]
    pub rules: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ScoreFormat {
    Text,
    Json,
    /// One line a kind; with --curves one a kind, rule and dose
    Csv,
}

/// Measures how well a run found the planted cases of a synthetic programme
#[derive(Debug, Args)]
pub(super) struct ScoreArgs {
    /// Run folder (or its name under runs/); default: the latest
    pub run: Option<PathBuf>,
    /// The truth file that `synth` wrote; default: truth.csv beside the project file
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Recall, precision and look-alikes flagged by kind, rule and dose
    #[arg(long)]
    pub curves: bool,
    #[arg(long, value_enum, default_value_t = ScoreFormat::Text)]
    pub format: ScoreFormat,
    /// Exit code 1 when the recall of a kind is below this, in percent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub fail_below: Option<u8>,
}

/// Explains a rule, a kind of check, an error code, why a subject was not flagged, or why two records of a link file were or were not
/// linked
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// `funds/payment-after-death`, `duplicate`, `unknown-column`; with --pair a link file
    pub name: String,
    /// Two keys of records: what speaks for and against their being one
    #[arg(long, num_args = 2, value_names = ["KEY", "KEY"], conflicts_with = "plan")]
    pub pair: Option<Vec<String>>,
    /// With --pair: model file to use instead of training
    #[arg(long, value_name = "FILE", requires = "pair")]
    pub model: Option<PathBuf>,
    /// With a rule: the expressions it compiles to
    #[arg(long)]
    pub plan: bool,
    /// With a rule: why this subject was not flagged. `ENTITY=VALUE` as the rule's findings name it, `COLUMN=VALUE` of its table, or the
    /// key of a record
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["pair", "plan"])]
    pub why_not: Option<String>,
    /// With --why-not: day of the audit; default: today
    #[arg(long, value_name = "DATE", requires = "why_not")]
    pub as_of: Option<String>,
    /// With --why-not: language of the answer
    #[arg(long, value_enum, default_value_t = Language::En, value_name = "LANG")]
    pub lang: Language,
}

/// Lists what the project has
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[arg(value_enum)]
    pub what: Listed,
    /// One name a line, for scripts
    #[arg(long)]
    pub names: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Listed {
    Tables,
    Columns,
    Links,
    Views,
    Parameters,
    Regions,
    Rules,
    Checks,
    Errors,
    Runs,
    Store,
}

/// Writes what follows from the program itself: reference pages, JSON schemas, shell completions, man pages
#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    #[command(subcommand)]
    pub what: Generated,
}

#[derive(Debug, Subcommand)]
pub(super) enum Generated {
    /// docs/cli.md
    Docs(TargetArgs),
    /// JSON schemas of the project file and of rule files, for editors
    Schema(TargetArgs),
    /// Man pages
    Man(TargetArgs),
    /// Completions of a shell, to stdout
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// Folder to write to
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    pub output: PathBuf,
    /// Writes nothing; exit code 1 if a file is not as it would be written
    #[arg(long)]
    pub check: bool,
}
