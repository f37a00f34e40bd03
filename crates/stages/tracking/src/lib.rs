//! tracking: experiments, runs, params, metrics, tags
