//! The cipher suites that AWS IoT takes.

/// A cipher suite as AWS knows it.
const AWS: [(u16, &str); 22] = [
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"),
    (0xc023, "ECDHE-ECDSA-AES128-SHA256"),
    (0xc027, "ECDHE-RSA-AES128-SHA256"),
    (0xc009, "ECDHE-ECDSA-AES128-SHA"),
    (0xc013, "ECDHE-RSA-AES128-SHA"),
    (0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (0xc030, "ECDHE-RSA-AES256-GCM-SHA384"),
    (0xc024, "ECDHE-ECDSA-AES256-SHA384"),
    (0xc028, "ECDHE-RSA-AES256-SHA384"),
    (0xc00a, "ECDHE-ECDSA-AES256-SHA"),
    (0xc014, "ECDHE-RSA-AES256-SHA"),
    (0x009c, "AES128-GCM-SHA256"),
    (0x003c, "AES128-SHA256"),
    (0x002f, "AES128-SHA"),
    (0x009d, "AES256-GCM-SHA384"),
    (0x003d, "AES256-SHA256"),
    (0x0035, "AES256-SHA"),
    (0x0039, "DHE-RSA-AES256-SHA"),
];

/// Numbers among suites that ask for something else: secure renegotiation, and no
/// way back to an older version.
const SIGNALS: [u16; 2] = [0x00ff, 0x5600];

/// The name of a suite that AWS IoT takes.
pub(crate) fn aws_name(suite: u16) -> Option<&'static str> {
    AWS.iter().find(|(number, _)| *number == suite).map(|(_, name)| *name)
}

/// True if it is no suite at all.
pub(crate) fn is_signal(suite: u16) -> bool {
    SIGNALS.contains(&suite)
}
