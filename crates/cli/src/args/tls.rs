//! TLS flags.

use std::path::PathBuf;

use clap::Args;

use super::client::Secret;

/// The flags of TLS; any of --cafile, --capath, --cert, --tls-pin and --tls-use-os-certs turns it on.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsFlags {
    /// Certificates to trust, PEM
    #[arg(long, visible_alias = "ca", value_name = "FILE")]
    pub(crate) cafile: Option<PathBuf>,
    /// Folder of certificates to trust, PEM
    #[arg(long, value_name = "FOLDER")]
    pub(crate) capath: Option<PathBuf>,
    /// Trust the certificates of the operating system; the default if no others are given
    #[arg(long)]
    pub(crate) tls_use_os_certs: bool,
    /// Certificate of this client, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Private key of this client, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// File whose first line is the password of --key, if one protects it
    #[arg(long, value_name = "FILE")]
    pub(crate) key_password_file: Option<PathBuf>,
    /// Accept this one certificate of the server and no other, whatever its names, time and
    /// issuer: a PEM or DER file, or the certificate's SHA-256 fingerprint in hexadecimal
    #[arg(long, value_name = "CERTIFICATE")]
    pub(crate) tls_pin: Option<String>,
    /// TLS version: tlsv1.2 or tlsv1.3 [default: both]
    #[arg(long, value_name = "VERSION")]
    pub(crate) tls_version: Option<String>,
    /// ALPN protocol to offer; may be repeated
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) tls_alpn: Vec<String>,
    /// Name to expect in the server's certificate, if it is not the host
    #[arg(long, alias = "servername", value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// Do not check that the server's certificate is for the host connected to; anyone with a
    /// certificate of a trusted authority can listen in
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Do not verify the server's certificate at all; anyone can listen in
    #[arg(long)]
    pub(crate) tls_verify_nothing: bool,
    #[command(flatten)]
    pub(crate) foreign: ForeignTlsFlags,
}

/// Flags of OpenSSL that rustls has nothing like.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "TLS")]
pub(crate) struct ForeignTlsFlags {
    /// Form of the key; only pem is supported
    #[arg(long, value_name = "FORM")]
    pub(crate) keyform: Option<String>,
    /// OpenSSL cipher list; without effect: rustls has its own list, of safe ciphers only
    #[arg(long, value_name = "CIPHERS")]
    pub(crate) ciphers: Option<String>,
    /// Pre-shared key; not supported
    #[arg(long, value_name = "HEX")]
    pub(crate) psk: Option<Secret>,
    /// Identity of the pre-shared key; not supported
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) psk_identity: Option<String>,
    /// OpenSSL engine; not supported
    #[arg(long, value_name = "ENGINE")]
    pub(crate) tls_engine: Option<String>,
    /// Key password of the OpenSSL engine; not supported
    #[arg(long, value_name = "SHA1")]
    pub(crate) tls_engine_kpass_sha1: Option<Secret>,
}
