//! datasets: immutable, content-addressed versions of imported files
