//! models: registered models, versions, aliases
