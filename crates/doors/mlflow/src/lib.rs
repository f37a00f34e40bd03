//! MLflow's REST API
