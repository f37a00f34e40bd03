mod json;
mod lex;
mod tidy;

fn main() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(std::path::Path::new("."))
        .to_owned();
    match tidy::run(&root) {
        Ok((p, f)) => println!("{p} passed, {f} failed"),
        Err(e) => println!("{e}"),
    }
}
