//! mlwright's own REST API, used by the web app, the CLI and the SDK
