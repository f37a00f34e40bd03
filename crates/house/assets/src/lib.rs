//! the web app, embedded
