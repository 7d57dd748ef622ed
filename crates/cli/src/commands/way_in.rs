//! Ways in to clouds, to a client that is to be set up further.

use evenkeel::aws::{AwsIotEndpoint, CustomAuthorizer};
use evenkeel::error::CredentialsError;
use evenkeel::{Client, ClientBuilder};

use crate::error::Failure;
use crate::settings::{Authorizer, ConnectionSettings, IdentitySettings, WayIn, first_line};

/// Begins a client that comes in this way, with what the connection says of TLS.
pub(super) fn builder(
    way: &WayIn,
    settings: &ConnectionSettings,
) -> Result<ClientBuilder, Failure> {
    match way {
        WayIn::Signed { endpoint, keys } => Ok(aws(endpoint, settings)?.signed(keys.clone())),
        WayIn::Authorizer { endpoint, form, authorizer } => {
            // In the other forms, MQTT has user name and password apart.
            let is_whole = *form == evenkeel::aws::AuthorizerForm::UserName;
            let identity = is_whole.then(|| settings.identity.clone());
            let authorizer = authorizer.clone();
            let source = move || {
                let (authorizer, identity) = (authorizer.clone(), identity.clone());
                async move { ask(authorizer, identity).await }
            };
            Ok(aws(endpoint, settings)?.authorizer(*form, source))
        }
        WayIn::AzureKey(hub) => Ok(hub.clone().tls(settings.tls.clone()).builder()),
    }
}

fn aws(
    endpoint: &AwsIotEndpoint,
    settings: &ConnectionSettings,
) -> Result<evenkeel::aws::AwsIot, Failure> {
    let iot = Client::aws_iot(endpoint.clone())
        .map_err(|error| Failure::usage(error.fact()))?
        .tls(settings.tls.clone());
    Ok(match settings.servers.first().and_then(|server| server.port()) {
        Some(port) => iot.port(port),
        None => iot,
    })
}

/// What one attempt asks the authorizer with, from files as they are now.
async fn ask(
    authorizer: Authorizer,
    identity: Option<IdentitySettings>,
) -> Result<CustomAuthorizer, CredentialsError> {
    let read = tokio::task::spawn_blocking(move || read(&authorizer, identity.as_ref()));
    // Fails only if the runtime is going away.
    let read = read.await.map_err(|_| CredentialsError("reading was interrupted".to_owned()))?;
    read.map_err(|failure| CredentialsError(format!("{failure:#}")))
}

fn read(
    authorizer: &Authorizer,
    identity: Option<&IdentitySettings>,
) -> Result<CustomAuthorizer, Failure> {
    let mut asked = authorizer.read()?;
    let Some(identity) = identity else { return Ok(asked) };
    if let Some(username) = &identity.username {
        asked = asked.username(username);
    }
    let password = match &identity.password_file {
        Some(file) => Some(first_line(file, "password", "write the password into it")?),
        None => identity.password.clone(),
    };
    Ok(match password {
        Some(password) => asked.password(password.0),
        None => asked,
    })
}
