//! How a command ended. More serious beats less serious.

/// Exit codes, as `docs/errors.md` explains them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Done,
    /// A gate tripped: `--fail-on`, `lint`, `test`.
    Gate,
    /// Not all that was asked could be done.
    Incomplete,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Gate => 1,
            Exit::Incomplete => 2,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit.code())
    }
}
