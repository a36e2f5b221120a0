//! The program: arguments in, exit code out. All else is in the library's `cli`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    recount::cli::main(std::env::args_os()).into()
}
