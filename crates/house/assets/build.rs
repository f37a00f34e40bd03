//! Makes `ui/dist` when the web app was not built, so that the server builds without Node.

use std::path::PathBuf;

fn main() -> Result<(), std::io::Error> {
    let dist = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../ui/dist");
    std::fs::create_dir_all(&dist)?;
    // A directory is scanned for newer files: a rebuilt app is embedded by the next build.
    println!("cargo:rerun-if-changed={}", dist.display());
    Ok(())
}
