//! What an authorizer is asked.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::certificate::CertificateId;
use super::super::der::to_pem;
use super::super::policy::Context;

/// What an authorizer is asked: the event of AWS's functions.
#[derive(Clone, PartialEq)]
pub struct Question {
    /// The authorizer's name.
    pub authorizer: String,
    /// True if the signature of the token has been checked, and is good.
    pub is_signature_verified: bool,
    /// The token, if tokens are signed.
    pub token: Option<String>,
    /// The name that TLS asked for.
    pub server_name: Option<String>,
    /// The certificate that TLS has shown, if the authorizer is asked on top of it.
    pub certificate: Option<ShownCertificate>,
    /// Headers and query, for a WebSocket or a request of the HTTP API.
    pub http: Option<(Vec<(String, String)>, String)>,
    /// What CONNECT has said; nothing for a request of the HTTP API.
    pub login: Option<ShownLogin>,
    /// What policies may ask about the connection.
    pub(in crate::gate) context: Context,
}

/// What a CONNECT tells its authorizer. It may hold secrets, so `Debug` shows the client
/// identifier alone.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownLogin {
    /// The client identifier.
    pub client_id: String,
    /// The user name.
    pub user_name: Option<String>,
    /// The password.
    pub password: Option<Vec<u8>>,
}

impl fmt::Debug for ShownLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ShownLogin").field(&self.client_id).finish()
    }
}

/// A certificate that an authorizer is told of.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownCertificate {
    /// Its identifier.
    pub id: CertificateId,
    /// Its DER.
    pub der: Vec<u8>,
}

impl Question {
    /// The event as JSON, secrets included: for the authorizer's eyes only.
    #[must_use]
    pub fn to_json(&self, connection: &str) -> Value {
        let (mut protocols, mut data) = (Vec::new(), json!({}));
        if let Some(login) = &self.login {
            protocols.push("mqtt");
            data["mqtt"] = login.to_json();
        }
        if let Some(name) = &self.server_name {
            protocols.push("tls");
            data["tls"] = json!({"serverName": name});
        }
        if let Some(certificate) = &self.certificate {
            data["tls"]["x509CertificatePem"] = json!(to_pem(&certificate.der, "CERTIFICATE"));
            data["tls"]["principalId"] = json!(certificate.id.to_string());
        }
        if let Some((headers, query)) = &self.http {
            protocols.push("http");
            let headers: Value =
                headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            data["http"] = json!({"headers": headers, "queryString": query});
        }
        let mut event = json!({
            "signatureVerified": self.is_signature_verified,
            "protocols": protocols,
            "protocolData": data,
            "connectionMetadata": {"id": connection},
        });
        if let Some(token) = &self.token {
            event["token"] = json!(token);
        }
        event
    }
}

impl ShownLogin {
    fn to_json(&self) -> Value {
        let mut mqtt = json!({});
        if !self.client_id.is_empty() {
            mqtt["clientId"] = json!(self.client_id);
        }
        if let Some(name) = &self.user_name {
            mqtt["username"] = json!(name);
        }
        if let Some(password) = &self.password {
            mqtt["password"] = json!(STANDARD.encode(password));
        }
        mqtt
    }
}

impl fmt::Debug for Question {
    /// Shows no secret: tokens may be anywhere in headers, query and user name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("authorizer", &self.authorizer)
            .field("login", &self.login)
            .field("is_signature_verified", &self.is_signature_verified)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> ShownLogin {
        ShownLogin {
            client_id: "pump-17".into(),
            user_name: Some("user?tok=t0ken".into()),
            password: Some(b"s3cret".to_vec()),
        }
    }

    fn question() -> Question {
        Question {
            authorizer: "MyAuth".into(),
            is_signature_verified: true,
            token: Some("t0ken".into()),
            server_name: Some("localhost".into()),
            http: Some((vec![("Host".into(), "localhost".into())], "tok=t0ken".into())),
            login: Some(login()),
            certificate: None,
            context: Context::new(),
        }
    }

    #[test]
    fn the_event_has_the_form_of_aws() {
        let expected = json!({
            "token": "t0ken",
            "signatureVerified": true,
            "protocols": ["mqtt", "tls", "http"],
            "protocolData": {
                "tls": {"serverName": "localhost"},
                "http": {"headers": {"Host": "localhost"}, "queryString": "?tok=t0ken"},
                "mqtt": {
                    "username": "user?tok=t0ken", "password": "czNjcmV0", "clientId": "pump-17",
                },
            },
            "connectionMetadata": {"id": "c1"},
        });
        assert_eq!(question().to_json("c1"), expected);
        let bare = Question {
            token: None,
            server_name: None,
            http: None,
            login: Some(ShownLogin { user_name: None, password: None, ..login() }),
            is_signature_verified: false,
            ..question()
        };
        let expected = json!({
            "signatureVerified": false,
            "protocols": ["mqtt"],
            "protocolData": {"mqtt": {"clientId": "pump-17"}},
            "connectionMetadata": {"id": "c2"},
        });
        assert_eq!(bare.to_json("c2"), expected);
        let nobody = ShownLogin { client_id: String::new(), user_name: None, password: None };
        let unnamed = Question { login: Some(nobody), ..bare };
        assert_eq!(unnamed.to_json("c3")["protocolData"], json!({"mqtt": {}}));
    }

    #[test]
    fn a_request_of_http_has_no_part_of_mqtt() {
        let event = Question { login: None, ..question() }.to_json("c1");
        assert_eq!(event["protocols"], json!(["tls", "http"]));
        assert_eq!(event["protocolData"].get("mqtt"), None);
        assert_eq!(event["protocolData"]["http"]["queryString"], "?tok=t0ken");
    }

    #[test]
    fn a_certificate_is_told_as_pem_with_its_id() {
        let der = vec![7; 100];
        let certificate = Some(ShownCertificate { id: CertificateId::of(&der), der: der.clone() });
        let event = Question { certificate, ..question() }.to_json("c1");
        let tls = &event["protocolData"]["tls"];
        assert_eq!(tls["serverName"], "localhost");
        let pem = tls["x509CertificatePem"].as_str().unwrap();
        assert_eq!(CertificateId::of_pem(pem), Some(CertificateId::of(&der)));
        assert!(pem.lines().all(|line| line.len() <= 64), "{pem}");
        assert_eq!(tls["principalId"].as_str().map(str::len), Some(64));
    }

    #[test]
    fn a_question_shows_no_secret() {
        let shown = format!("{:?}", question());
        assert!(!shown.contains("t0ken") && !shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("MyAuth"));
    }
}
