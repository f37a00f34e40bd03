//! content-addressed objects over local files or S3
