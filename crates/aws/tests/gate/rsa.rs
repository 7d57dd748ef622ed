//! A key and a signature made with OpenSSL, and keys that are refused.

/// A public key of 2048 bits.
pub(crate) const KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAm+VrMAvrGNXEcAUyRQd8\n\
oCK4FJC3renxEflZLkrNqEk0RvFFdB8zvsK4fJJkFREu7yaNGHN7F3goruKtQ7Iz\n\
GJAuC5mC+X5R6/s6ZH7Ix+Jzp133SXP+g19ehTHAMNTnuy0C0b+mzm63Qqzy7vO/\n\
lzqFL9tvecoYji+r1UXpK1L6PQBUWX6lgCDgIH402TwqJSpYjWo2aykAJieBC2+G\n\
sh1CmsVagzgihpAurR6Z+iaUDyZVVK6MSz7EpEgxCdbpgqQ7G14fXdHcKwkMI+8h\n\
bvglRU/LTTzQbGQrumXNsvT2arPX4HNoqtcu7hb3ppzE16v2Pcbw62Pz11IckVFc\n\
5QIDAQAB\n\
-----END PUBLIC KEY-----\n\
";

/// The token.
pub(crate) const TOKEN: &str = "opaque-token-17";

/// Its signature with the private key: `openssl dgst -sha256 -sign`.
pub(crate) const SIGNATURE: &str = "\
RqdYEKxkj81nbde+/SvMOrvjPtj2gHxi0gfN1HypMUzdP8NR7Qe1D5SmqIrwXnecuqNrVhFu+IsV\
YFMp2inUN/FBCjJZPrYocLyx/njeirfEDJaWvjgxo3zvG75flyyKJr+0h3Q7oc38tSlELbT4wdUR\
gdPkKly7h4AoYqCdiKCZnhb33fw56N8UQ34FYR4F2QNqosjdfySHtVChKH4QLq02PPt+ybCqZxV1\
oXkT1mljMJ5pO9y2hNzc7C3XRGKGvSbAA4xCvXEO7QEJ/mads6xWmn7sX7U6KqdSYXeT5pqNuD8w\
9U0mW0kFvA5AN1pzb0R8E7z6Qane30kvrGdiGA==\
";

/// A public key of 1024 bits.
pub(crate) const SMALL_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQD0R9HHBQldXhfdcFkJZxPgSZ3v\n\
vooLxFQEZxD6autEOBSIw8kMx/W+lolXYiMGzzIEbpFNeWBZCtY3NLKdrtWR120p\n\
NWIvVTxE2ZtUw6eWOiX96Zi4ql6c8q6fVaLiq4xd4zwIoe94RfOO6p217zlQpVg3\n\
Q04kP2/2KbRoEk+PnwIDAQAB\n\
-----END PUBLIC KEY-----\n\
";

/// A public key of another kind.
pub(crate) const CURVE_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPh0uZjtj+KHTnqrItoZxiaQO3OkC\n\
mYvFNYpHENZIvlSZvdJDCrM1HPgYXAkNO7PsVH8967lFznfs21rNOvR5bg==\n\
-----END PUBLIC KEY-----\n\
";
