//! The ledger's promises, on both databases.

mod promises;
