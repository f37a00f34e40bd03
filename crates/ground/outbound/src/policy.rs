use std::time::Duration;

/// What a client may do.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Loopback, private, link-local and other addresses that are not on the public internet.
    pub private_addresses: bool,
    pub connect_timeout: Duration,
    /// From sending to the whole answer.
    pub timeout: Duration,
    /// Bytes of an answer's body; a longer one is refused.
    pub largest_answer: u64,
    /// How often a call that may be repeated (GET, HEAD, PUT, DELETE) is tried again after a broken connection or a
    /// 502, 503 or 504.
    pub retries: u32,
    /// PEM files of authorities that are trusted beside those of the system.
    pub authorities: Vec<Vec<u8>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            private_addresses: false,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            largest_answer: 64 << 20,
            retries: 2,
            authorities: Vec::new(),
        }
    }
}

impl Policy {
    /// For a server that the person at the command line names: it may be on this machine.
    pub fn local() -> Self {
        Self { private_addresses: true, timeout: Duration::from_secs(600), ..Self::default() }
    }
}
