//! Serves a directory: `serve PORT DIR`.
fn main() {
    let mut args = std::env::args().skip(1);
    let options = mlwright_server::Options {
        port: args.next().and_then(|p| p.parse().ok()),
        data_dir: args.next().map(Into::into),
        ..Default::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(mlwright_server::run(options)).unwrap();
}
