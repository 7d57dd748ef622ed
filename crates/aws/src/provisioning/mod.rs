//! Fleet provisioning: certificates for devices that have none of their own,
//! and things by template.

mod cbor;
mod error;
mod functions;
mod issuer;
mod registry;
mod service;
mod template;

pub use error::ProvisioningError;
pub use issuer::{IssueError, Issued, Issuer, NoIssuer};
pub use registry::{Policy, Registration, RegistryChange};
pub use service::Provisioning;
pub use template::TemplateError;
