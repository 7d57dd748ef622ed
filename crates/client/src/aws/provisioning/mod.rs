//! Fleet provisioning: a certificate of its own for a device that has only that of its fleet.

mod answer;
mod call;
mod error;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use evenkeel_codec::QoS;
use evenkeel_proto::Instant;

use crate::client::Client;
use crate::tls::TlsIdentity;
use answer::Created;
use call::Call;

pub use answer::ProvisionedThing;
pub use error::{ProvisioningError, ProvisioningStep};

/// How long a new certificate waits for its registration.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
const LONGEST_TEMPLATE: usize = 36;

/// Fleet provisioning: gets a device that has only the certificate of its fleet one of its own.
///
/// A device comes in by a certificate that many share (the *claim*), asks for one of its own, and
/// has itself registered by a template of the account. From then on it comes in by its own.
///
/// ```no_run
/// use evenkeel::Client;
/// use evenkeel::aws::FleetProvisioning;
/// use evenkeel::tls::TlsIdentity;
///
/// # fn keep(certificate: &str, key: Option<&str>) -> std::io::Result<()> { Ok(()) }
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::aws_iot("a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com")?
///     .certificate(TlsIdentity::from_files("claim.crt", "claim.key"))
///     .start()?;
/// let fleet = FleetProvisioning::new("pumps")?.parameter("SerialNumber", "4711");
/// let issued = fleet.create_keys(&client).await?;
/// keep(issued.certificate(), issued.private_key())?; // before it counts
/// let thing = fleet.register(&client, &issued).await?;
/// println!("this is {}", thing.thing_name());
/// # Ok(())
/// # }
/// ```
///
/// Each method subscribes to the answers of its request, publishes that by QoS 1, waits, and
/// unsubscribes. It waits while the client is offline, too. Dropping a future before it is ready
/// gives up its answer; a request that was accepted by then is still sent. `Debug` shows no
/// values of parameters.
#[derive(Clone)]
pub struct FleetProvisioning {
    template: String,
    parameters: BTreeMap<String, String>,
    timeout: Duration,
}

/// A certificate that AWS has made and not yet registered. It is good for nothing until
/// [`FleetProvisioning::register`], and gone after an hour without. `Debug` shows its identifier
/// only.
pub struct IssuedCertificate {
    created: Created,
    /// On the client's clock.
    at: Instant,
}

impl FleetProvisioning {
    /// Provisions by this template, whose name has 1 to 36 letters, digits, `-` and `_`.
    pub fn new(template: impl Into<String>) -> Result<Self, ProvisioningError> {
        let template = template.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_name = (1..=LONGEST_TEMPLATE).contains(&template.len());
        if !is_name || !template.bytes().all(is_allowed) {
            return Err(ProvisioningError::Template);
        }
        let parameters = BTreeMap::new();
        Ok(Self { template, parameters, timeout: Duration::from_secs(30) })
    }

    /// Something that the template asks for, such as a serial number. The last value of a name
    /// counts.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// How long each request may take, from the call to its answer; 30 s unless set.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Has AWS make a key and a certificate for it.
    pub async fn create_keys(
        &self,
        client: &Client,
    ) -> Result<IssuedCertificate, ProvisioningError> {
        self.create(client, Call::create_keys()).await
    }

    /// Has AWS make a certificate for a key that never leaves the device: by a certificate
    /// signing request in PEM.
    pub async fn sign(
        &self,
        client: &Client,
        request: &str,
    ) -> Result<IssuedCertificate, ProvisioningError> {
        self.create(client, Call::sign(request)?).await
    }

    /// Has the device registered with its certificate, which is then active. By the same client
    /// that got the certificate, within an hour.
    ///
    /// After [`NoAnswer`](ProvisioningError::NoAnswer) and the errors of a connection it is not
    /// known whether it was registered: keep the certificate, and try to come in by it.
    pub async fn register(
        &self,
        client: &Client,
        issued: &IssuedCertificate,
    ) -> Result<ProvisionedThing, ProvisioningError> {
        let age = client.now().since(issued.at);
        if age >= TOKEN_LIFETIME {
            return Err(ProvisioningError::TokenExpired { age });
        }
        let call = Call::register(&self.template, &issued.created.token, &self.parameters);
        answer::registered(&self.ask(client, &call).await?)
    }

    async fn create(
        &self,
        client: &Client,
        call: Call,
    ) -> Result<IssuedCertificate, ProvisioningError> {
        let answer = self.ask(client, &call).await?;
        Ok(IssuedCertificate { created: answer::created(call.step(), &answer)?, at: client.now() })
    }

    async fn ask(&self, client: &Client, call: &Call) -> Result<Vec<u8>, ProvisioningError> {
        let answer = exchange(client, call, self.timeout);
        let no_answer = || ProvisioningError::NoAnswer { step: call.step(), after: self.timeout };
        tokio::time::timeout(self.timeout, answer).await.unwrap_or_else(|_| Err(no_answer()))
    }
}

/// Publishes the request, and waits for the payload of its answer.
async fn exchange(
    client: &Client,
    call: &Call,
    timeout: Duration,
) -> Result<Vec<u8>, ProvisioningError> {
    let step = call.step();
    let mut answers = client
        .subscribe([call.accepted(), call.rejected()])
        .qos(QoS::AtLeastOnce)
        .await
        .map_err(|error| ProvisioningError::Subscribe { step, error })?;
    if let Some((filter, code)) = answers.granted().iter().find_map(|(filter, granted)| {
        granted.as_ref().err().map(|code| (filter.as_str().to_owned(), *code))
    }) {
        return Err(ProvisioningError::NotGranted { step, filter, code });
    }
    let request = client.publish(call.topic(), call.payload().to_vec()).qos(QoS::AtLeastOnce);
    // Granted just now, so the version is known.
    let has_expiry = client.connected().is_none_or(|online| online.version.has_properties());
    let request = if has_expiry { request.expiry(timeout) } else { request };
    let receipt = request.await.map_err(|error| ProvisioningError::Publish { step, error })?;
    receipt.await.map_err(|error| ProvisioningError::Delivery { step, error })?;
    while let Some(message) = answers.next().await {
        if let Some(answer) = call.answer(message.topic(), message.payload()) {
            return answer;
        }
    }
    Err(ProvisioningError::Closed { step })
}

impl IssuedCertificate {
    /// Its identifier: 64 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.created.id
    }

    /// The certificate in PEM.
    pub fn certificate(&self) -> &str {
        &self.created.certificate
    }

    /// The private key in PEM, if AWS made it: a secret, told this once only.
    pub fn private_key(&self) -> Option<&str> {
        self.created.private_key.as_deref()
    }

    /// Certificate and key to come in by, if AWS made the key.
    pub fn identity(&self) -> Option<TlsIdentity> {
        self.private_key().map(|key| TlsIdentity::from_bytes(self.certificate(), key))
    }
}

impl fmt::Debug for IssuedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedCertificate").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for FleetProvisioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetProvisioning")
            .field("template", &self.template)
            .field("parameters", &self.parameters.keys())
            .field("timeout", &self.timeout)
            .finish()
    }
}
