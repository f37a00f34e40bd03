//! supervisor of every long-running task
