//! the metadata database: transactions, events, graph, access
