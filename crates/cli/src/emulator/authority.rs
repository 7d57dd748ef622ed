//! The authority of an emulated account, and what it signs.

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The authority, ready to sign.
pub(crate) struct Authority(Issuer<'static, KeyPair>);

/// A certificate with its key, PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// The last day it is good.
    pub(super) until: Date,
}

impl Authority {
    /// A new one, with the texts to write down.
    pub(crate) fn make() -> Result<(Self, Issued), rcgen::Error> {
        let mut params = params(Vec::new(), "Evenkeel AWS IoT emulator", 10.years())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let until = last_day(10.years());
        let key = KeyPair::generate()?;
        let text = key.serialize_pem();
        let made = CertifiedIssuer::self_signed(params, key)?;
        let certificate = made.pem();
        let again = Self::read(&certificate, &text)?;
        Ok((again, Issued { certificate, key: text, until }))
    }

    /// The one whose texts these are.
    pub(super) fn read(certificate: &str, key: &str) -> Result<Self, rcgen::Error> {
        Issuer::from_ca_cert_pem(certificate, KeyPair::from_pem(key)?).map(Self)
    }

    /// A certificate for a server of these names and addresses.
    pub(crate) fn server(&self, names: &[String]) -> Result<Issued, rcgen::Error> {
        // Some systems trust no server for longer than 825 days.
        self.issue(names.to_vec(), "localhost", ExtendedKeyUsagePurpose::ServerAuth, 800.days())
    }

    /// A certificate for a server of these names that was good until yesterday.
    pub(crate) fn expired_server(&self, names: &[String]) -> Result<Issued, rcgen::Error> {
        self.issue(names.to_vec(), "localhost", ExtendedKeyUsagePurpose::ServerAuth, -1.day())
    }

    /// A certificate for a device.
    pub(crate) fn device(&self, name: &str) -> Result<Issued, rcgen::Error> {
        self.issue(Vec::new(), name, ExtendedKeyUsagePurpose::ClientAuth, 10.years())
    }

    /// A certificate for the key of a signing request.
    pub(super) fn sign(&self, request: &str) -> Result<String, rcgen::Error> {
        let mut request = CertificateSigningRequestParams::from_pem(request)?;
        let own = params(Vec::new(), "", 10.years())?;
        (request.params.not_before, request.params.not_after) = (own.not_before, own.not_after);
        request.params.is_ca = IsCa::ExplicitNoCa;
        Ok(request.signed_by(&self.0)?.pem())
    }

    fn issue(
        &self,
        names: Vec<String>,
        common_name: &str,
        usage: ExtendedKeyUsagePurpose,
        validity: Span,
    ) -> Result<Issued, rcgen::Error> {
        let mut params = params(names, common_name, validity)?;
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem(), until: last_day(validity) })
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Good from yesterday on, as clocks differ; if it ends by then, for the month before.
fn params(
    names: Vec<String>,
    common_name: &str,
    validity: Span,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    let date = |date: Date| {
        rcgen::date_time_ymd(
            date.year().into(),
            date.month().cast_unsigned(),
            date.day().cast_unsigned(),
        )
    };
    let end = last_day(validity);
    let usual = last_day(-1.day());
    params.not_before = date(if end > usual { usual } else { end.saturating_sub(30.days()) });
    params.not_after = date(end);
    Ok(params)
}

/// The day that is so far from today.
fn last_day(validity: Span) -> Date {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.saturating_add(validity)
}
