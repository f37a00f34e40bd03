//! lakeFS 1.84 over repositories.
