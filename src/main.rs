//! The program: arguments in, exit code out. All else is in the library's `cli`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Columns and indexes come and go by the hundred megabytes: memory is kept for so long (milliseconds) before it goes back to the system,
/// else every node pays for fresh pages again (a third of a run's time, measured in `docs/benchmarks.md`).
const KEEP_MEMORY_MS: std::ffi::c_long = 1000;
/// `mi_option_purge_delay` of mimalloc 2 and 3.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> std::process::ExitCode {
    // SAFETY: sets a number inside the allocator; may be called at any time.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, KEEP_MEMORY_MS) };
    recount::cli::main(std::env::args_os()).into()
}
