//! Clock, host and operator: what no other module may read.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::schema::{self, Value};

/// Hours east of UTC of the time zones programmes are run in; others count as UTC.
fn offset_hours(time_zone: &str) -> i64 {
    match time_zone {
        "Asia/Shanghai" | "Asia/Chongqing" | "Asia/Harbin" | "Asia/Hong_Kong" | "Asia/Macau" | "Asia/Taipei" | "PRC" => 8,
        "Asia/Urumqi" => 6,
        _ => 0,
    }
}

fn local_seconds(time_zone: &str) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0));
    now + offset_hours(time_zone) * 3600
}

/// Today in `time_zone`, days since 1970-01-01.
pub(super) fn today(time_zone: &str) -> i32 {
    i32::try_from(local_seconds(time_zone).div_euclid(86_400)).unwrap_or(0)
}

/// The year it is.
pub(super) fn year() -> i32 {
    schema::dates::civil_from_days(today("Asia/Shanghai")).0
}

/// Date and time in `time_zone` as text.
pub(super) fn now(time_zone: &str) -> String {
    let second = local_seconds(time_zone).rem_euclid(86_400);
    let day = schema::format(&Value::Date(today(time_zone)));
    format!("{day} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Name of this machine, for the journal.
pub(super) fn host() -> String {
    let named = std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok();
    named.or_else(|| std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_string())).unwrap_or_default()
}

/// Who runs the program, for the journal and the access log.
pub(super) fn operator() -> String {
    std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default()
}

/// Largest memory this process has held, where the system tells.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
