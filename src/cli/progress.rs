//! Progress on a terminal: one bar per table being read, one line for the stage. Elsewhere nothing.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Session;
use crate::table;

/// Shows how far a command is, and remembers how long its stages took.
pub(super) struct Progress {
    bars: Option<MultiProgress>,
    tables: Mutex<HashMap<String, ProgressBar>>,
    stage: Mutex<Option<ProgressBar>>,
    begun: Mutex<Option<(String, Instant)>>,
    stages: Mutex<Vec<(String, u64)>>,
}

impl Progress {
    pub fn new(session: &Session) -> Progress {
        Progress {
            bars: session.progress.then(MultiProgress::new),
            tables: Mutex::default(),
            stage: Mutex::default(),
            begun: Mutex::default(),
            stages: Mutex::default(),
        }
    }

    /// A new stage begins; the one before it is over.
    pub fn stage(&self, name: &str) {
        self.end();
        tracing::info!(stage = name, "Stage begins.");
        if let Ok(mut begun) = self.begun.lock() {
            *begun = Some((name.to_string(), Instant::now()));
        }
        if let (Some(bars), Ok(mut stage)) = (&self.bars, self.stage.lock()) {
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_message(name.to_string());
            bar.enable_steady_tick(Duration::from_millis(120));
            *stage = Some(bar);
        }
    }

    /// The running stage is over.
    pub fn end(&self) {
        let begun = self.begun.lock().ok().and_then(|mut begun| begun.take());
        if let (Some((name, since)), Ok(mut stages)) = (begun, self.stages.lock()) {
            let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(stage = name, millis, "Stage done.");
            stages.push((name, millis));
        }
        if let Some(bar) = self.stage.lock().ok().and_then(|mut stage| stage.take()) {
            bar.finish_and_clear();
        }
    }

    /// Stages that are over, with their milliseconds, in order.
    pub fn stages(&self) -> Vec<(String, u64)> {
        self.stages.lock().map(|stages| stages.clone()).unwrap_or_default()
    }
}

impl table::Progress for Progress {
    fn table(&self, name: &str, bytes: u64) {
        tracing::debug!(table = name, bytes, "Table is read.");
        if let (Some(bars), Ok(mut tables)) = (&self.bars, self.tables.lock()) {
            let style =
                ProgressStyle::with_template("{msg:24} {bar:30} {bytes} of {total_bytes}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = bars.add(ProgressBar::new(bytes).with_style(style).with_message(name.to_string()));
            tables.insert(name.to_string(), bar);
        }
    }

    fn bytes(&self, name: &str, bytes: u64) {
        if let Ok(tables) = self.tables.lock()
            && let Some(bar) = tables.get(name)
        {
            bar.inc(bytes);
        }
    }

    fn done(&self, name: &str, rows: u64) {
        tracing::debug!(table = name, rows, "Table stands.");
        if let Ok(mut tables) = self.tables.lock()
            && let Some(bar) = tables.remove(name)
        {
            bar.finish_and_clear();
        }
    }
}
