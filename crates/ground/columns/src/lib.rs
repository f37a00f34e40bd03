//! Arrow and Parquet, profiles, statistical kernels
