//! pipelines: a DAG of steps as local processes, durable across crashes
