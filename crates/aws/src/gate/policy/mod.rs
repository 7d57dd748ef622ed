//! Policies: who may connect, publish, subscribe and be sent what.
//!
//! A [`Policy`] is a document of AWS IoT or IAM. Its statements, with all
//! variables and conditions settled for one connection, are [`Grants`], which
//! answer at the speed of messages.
//!
//! ```
//! use evenkeel_aws::gate::policy::{Account, Action, Context, Grants, Policy};
//!
//! let policy = Policy::parse(r#"{"Version": "2012-10-17", "Statement": {
//!     "Effect": "Allow", "Action": "iot:Publish",
//!     "Resource": "arn:aws:iot:*:*:topic/site/${iot:ClientId}/*"}}"#)?;
//! let context = Context::new().with("iot:ClientId", "pump-17");
//! let grants = Grants::of([("pumps", &policy)], &context, &Account::default());
//! assert!(grants.allow(Action::Publish, "site/pump-17/level"));
//! assert!(!grants.allow(Action::Publish, "site/pump-18/level"));
//! # Ok::<(), evenkeel_aws::gate::policy::PolicyError>(())
//! ```

mod action;
mod condition;
mod context;
mod error;
mod grants;
mod parse;
mod pattern;
mod wildcard;

use condition::Condition;
use pattern::Pattern;

pub use action::{Account, Action};
pub use context::Context;
pub use error::{PolicyError, PolicyProblem, Position};
pub use grants::{Decision, Grants, StatementName};
pub use pattern::VariableProblem;
pub use wildcard::Wildcard;

/// Bytes of a policy of AWS IoT, white space aside.
pub const POLICY_BYTES: usize = 2048;
/// Bytes of a policy of IAM, white space aside.
pub const IAM_POLICY_BYTES: usize = 6144;
/// Policies that a certificate, or an answer of an authorizer, may have.
pub const POLICIES: usize = 10;

/// A policy that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    sid: Option<String>,
    is_allow: bool,
    actions: Choice,
    resources: Choice,
    conditions: Vec<Condition>,
}

/// What a statement is about: what fits one of the patterns, or, as
/// `NotAction` and `NotResource`, what fits none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    except: bool,
    patterns: Vec<Pattern>,
}
