//! The sandbox's entry as a program, for tests.

fn main() -> std::process::ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    mlwright_workers::sandbox::main(&words)
}
