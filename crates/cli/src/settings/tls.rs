//! TLS flags to TLS options.

use evenkeel::tls::{TlsConfigError, TlsIdentity, TlsOptions, TlsVersion};

use crate::args::{ForeignTlsFlags, TlsFlags};
use crate::error::Failure;

/// Makes the options and loads the files they name, so that a wrong one is
/// found before anything is sent.
pub(super) fn collect(flags: &TlsFlags) -> Result<TlsOptions, Failure> {
    refuse_foreign(&flags.foreign)?;
    let mut options = TlsOptions::new();
    if let Some(file) = &flags.cafile {
        options = options.ca_file(file);
    }
    if let Some(folder) = &flags.capath {
        options = options.ca_directory(folder);
    }
    if flags.tls_use_os_certs {
        options = options.system_roots(true);
    }
    match (&flags.cert, &flags.key) {
        (Some(cert), Some(key)) => {
            let identity = TlsIdentity::from_files(cert, key);
            options = options.client_identity(match &flags.key_password_file {
                Some(file) => identity.key_password_file(file),
                None => identity,
            });
        }
        (None, None) if flags.key_password_file.is_some() => {
            return Err(Failure::usage("--key-password-file needs --cert and --key")
                .hint("give the certificate and its private key, PEM"));
        }
        (None, None) => {}
        (Some(_), None) => {
            return Err(Failure::usage("--cert needs --key")
                .hint("give the certificate's private key, PEM"));
        }
        (None, Some(_)) => {
            return Err(
                Failure::usage("--key needs --cert").hint("give the key's certificate, PEM")
            );
        }
    }
    if let Some(version) = &flags.tls_version {
        options = options.versions([tls_version(version)?]);
    }
    if !flags.tls_alpn.is_empty() {
        options = options.alpn(flags.tls_alpn.clone());
    }
    if let Some(name) = &flags.tls_server_name {
        options = options.server_name(name);
    }
    if let Some(pin) = &flags.tls_pin {
        refuse_beside_pin(flags)?;
        options = match fingerprint(pin) {
            Some(fingerprint) => options.pin_certificate_sha256(fingerprint),
            None => options.pin_certificate_file(pin),
        };
    }
    if flags.insecure {
        options = options.dangerously_skip_server_name_verification();
    }
    if flags.tls_verify_nothing {
        options = options.dangerously_skip_server_verification();
    }
    Ok(options)
}

/// One certificate leaves nothing to trust, and nothing to skip.
fn refuse_beside_pin(flags: &TlsFlags) -> Result<(), Failure> {
    let others = [
        ("--cafile", flags.cafile.is_some()),
        ("--capath", flags.capath.is_some()),
        ("--tls-use-os-certs", flags.tls_use_os_certs),
        ("--insecure", flags.insecure),
        ("--tls-verify-nothing", flags.tls_verify_nothing),
    ];
    match others.iter().find(|(_, given)| *given) {
        Some((other, _)) => {
            Err(Failure::usage(format!("--tls-pin and {other} contradict each other"))
                .why("a pinned certificate is the only one that is accepted, whoever signed it")
                .hint("leave one of them out"))
        }
        None => Ok(()),
    }
}

/// A SHA-256 fingerprint as openssl prints it, or without its colons; a path is none.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits = text.rsplit_once('=').map_or(text, |(_, digits)| digits);
    let digits = digits.strip_prefix("sha256:").unwrap_or(digits).replace(':', "");
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut fingerprint = [0; 32];
    for (byte, pair) in fingerprint.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(fingerprint)
}

/// Loads what the options name; for connections that use TLS at all.
pub(super) fn check(options: &TlsOptions) -> Result<(), Failure> {
    options.prepare().map(drop).map_err(|error| unusable(&error))
}

fn unusable(error: &TlsConfigError) -> Failure {
    let failure = Failure::usage(error.fact());
    if let TlsConfigError::EncryptedKey { .. } = error {
        return failure.hint("give a file with its password by --key-password-file");
    }
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn tls_version(text: &str) -> Result<TlsVersion, Failure> {
    match text {
        "tlsv1.2" => Ok(TlsVersion::Tls12),
        "tlsv1.3" => Ok(TlsVersion::Tls13),
        "tlsv1" | "tlsv1.0" | "tlsv1.1" => {
            Err(Failure::usage(format!("--tls-version {text} is not supported"))
                .why("it is broken, and RFC 8996 forbids it")
                .hint("use tlsv1.2 or tlsv1.3"))
        }
        _ => Err(Failure::usage(format!("there is no TLS version '{text}'"))
            .hint("use tlsv1.2 or tlsv1.3")),
    }
}

fn refuse_foreign(flags: &ForeignTlsFlags) -> Result<(), Failure> {
    let refused = |flag: &str, why: &str, hint: &str| {
        Err(Failure::usage(format!("{flag} is not supported")).why(why).hint(hint))
    };
    if flags.psk.is_some() || flags.psk_identity.is_some() {
        return refused(
            "--psk",
            "the TLS library, rustls, has no external pre-shared keys",
            "use certificates (--cafile, --cert, --key), or mosquitto's own tools",
        );
    }
    if flags.tls_engine.is_some() || flags.tls_engine_kpass_sha1.is_some() {
        return refused(
            "--tls-engine",
            "engines belong to OpenSSL; this program uses rustls",
            "give the key as a PEM file by --key",
        );
    }
    if flags.keyform.as_deref().is_some_and(|form| form != "pem") {
        return refused(
            "--keyform other than pem",
            "keys come from files only",
            "give a PEM file by --key",
        );
    }
    Ok(())
}

/// What is accepted for the sake of scripts but has no effect, or a bad one.
pub(super) fn warnings(flags: &TlsFlags, uses_tls: bool) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if flags.foreign.ciphers.is_some() {
        warnings.push("--ciphers has no effect: rustls has its own list, of safe ciphers only");
    }
    if flags.tls_verify_nothing && uses_tls {
        warnings.push("the server's certificate is not verified: anyone on the way can read and change everything");
    } else if flags.insecure && uses_tls {
        warnings.push(
            "the name in the server's certificate is not checked: the server may be another one",
        );
    }
    if (flags.insecure || flags.tls_verify_nothing) && !uses_tls {
        warnings.push("--insecure and --tls-verify-nothing have no effect without TLS");
    }
    warnings
}
