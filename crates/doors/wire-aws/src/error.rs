use http::StatusCode;

/// Why a request is not taken. `code` and `status` are AWS's.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the Authorization header is malformed: {0}")]
    BadHeader(String),
    #[error("the query parameters of the signature are malformed: {0}")]
    BadParameters(String),
    #[error("the signature algorithm `{0}` is not supported; use AWS4-HMAC-SHA256")]
    Algorithm(String),
    #[error(
        "the signature is not the one that this request and the key's secret give; check the secret and how you sign"
    )]
    Mismatch { string_to_sign: String, canonical_request: String },
    #[error("the request's time {request} is more than 15 minutes away from the server's {server}")]
    Skewed { request: String, server: String },
    #[error("the address is valid until {until}, and it is {server} now")]
    Expired { until: String, server: String },
    #[error("the header `{0}` is present in the request but not signed")]
    HeaderNotSigned(String),
    #[error("missing required header for this request: {0}")]
    MissingHeader(&'static str),
    #[error(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- kind or the SHA-256 of the body in hexadecimal, not `{0}`"
    )]
    PayloadKind(String),
    #[error("the body has SHA-256 {found}, but x-amz-content-sha256 says {announced}")]
    PayloadHash { announced: String, found: String },
    #[error("the signature of chunk {number} is wrong")]
    ChunkSignature { number: u64 },
    #[error("the signature of the trailer is wrong")]
    TrailerSignature,
    #[error("the body is not in aws-chunked encoding: {0}")]
    BadChunk(&'static str),
    #[error("the body has {found} bytes, but x-amz-decoded-content-length says {announced}")]
    Length { announced: u64, found: u64 },
    #[error("the body ended early: {0}")]
    Cut(String),
    #[error("you must provide the Content-Length HTTP header")]
    NoLength,
    #[error("the trailer is malformed: {0}")]
    BadTrailer(String),
    #[error("the XML of the body is malformed: {0}")]
    Xml(String),
    #[error("the address cannot be parsed: {0}")]
    BadUri(&'static str),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadHeader(_) => "AuthorizationHeaderMalformed",
            Self::BadParameters(_) => "AuthorizationQueryParametersError",
            Self::Algorithm(_) | Self::MissingHeader(_) => "InvalidRequest",
            Self::Mismatch { .. } | Self::ChunkSignature { .. } | Self::TrailerSignature => {
                "SignatureDoesNotMatch"
            }
            Self::Skewed { .. } => "RequestTimeTooSkewed",
            Self::Expired { .. } | Self::HeaderNotSigned(_) => "AccessDenied",
            Self::PayloadKind(_) => "InvalidArgument",
            Self::PayloadHash { .. } => "XAmzContentSHA256Mismatch",
            Self::BadChunk(_) | Self::Length { .. } | Self::Cut(_) => "IncompleteBody",
            Self::NoLength => "MissingContentLength",
            Self::BadTrailer(_) => "MalformedTrailerError",
            Self::Xml(_) => "MalformedXML",
            Self::BadUri(_) => "InvalidURI",
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Mismatch { .. }
            | Self::ChunkSignature { .. }
            | Self::TrailerSignature
            | Self::Skewed { .. }
            | Self::Expired { .. }
            | Self::HeaderNotSigned(_) => StatusCode::FORBIDDEN,
            Self::NoLength => StatusCode::LENGTH_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
