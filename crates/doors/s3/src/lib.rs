//! S3 over repositories: the bucket is the repository, the first part of the key the ref, the rest the path.
