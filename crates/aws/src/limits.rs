//! The bounds of the services: AWS's where it has them, else ours.

use std::time::Duration;

use crate::Time;

/// Bounds and spans of all services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Those of shadows.
    pub shadow: ShadowLimits,
    /// Those of jobs.
    pub jobs: JobLimits,
    /// Those of fleet provisioning.
    pub provisioning: ProvisioningLimits,
    /// Those of lifecycle events.
    pub lifecycle: LifecycleLimits,
    /// Those of rules.
    pub rules: RuleLimits,
}

impl Limits {
    /// As AWS documents them.
    pub const AWS: Self = Self {
        shadow: ShadowLimits::AWS,
        jobs: JobLimits::AWS,
        provisioning: ProvisioningLimits::AWS,
        lifecycle: LifecycleLimits::AWS,
        rules: RuleLimits::AWS,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::AWS
    }
}

/// Bounds of shadows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShadowLimits {
    /// Bytes of a request, and of a state document without its metadata.
    pub document_bytes: usize,
    /// Levels of keys below `desired` or `reported`. AWS's pages say 5, 6 and 8.
    pub depth: usize,
    /// Bytes of a client token.
    pub client_token_bytes: usize,
    /// Shadows in all, deleted ones included, as they keep their version.
    pub shadows: usize,
}

impl ShadowLimits {
    /// As AWS documents them; the number of shadows is ours.
    pub const AWS: Self =
        Self { document_bytes: 8 * 1024, depth: 8, client_token_bytes: 64, shadows: 100_000 };
}

/// Bounds of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLimits {
    /// Bytes of a job document.
    pub document_bytes: usize,
    /// Bytes of a client token.
    pub client_token_bytes: usize,
    /// Pairs of status details.
    pub status_details: usize,
    /// The longest timer of a step, and of a whole execution, in minutes.
    pub step_timeout_minutes: u64,
    /// Jobs, those that have ended included.
    pub jobs: usize,
    /// What a minute of a timer lasts; shorter to see timers end soon.
    pub minute: Duration,
    /// Executions of one thing; the oldest that have ended make room.
    pub executions_per_thing: usize,
    /// Executions in all.
    pub executions: usize,
}

impl JobLimits {
    /// As AWS documents them; the numbers of jobs and executions are ours.
    pub const AWS: Self = Self {
        document_bytes: 32_768,
        client_token_bytes: 64,
        status_details: 10,
        step_timeout_minutes: 10_080,
        jobs: 100_000,
        minute: Duration::from_secs(60),
        executions_per_thing: 100,
        executions: 100_000,
    };
}

impl JobLimits {
    /// So many minutes from now, by the elapsed time.
    pub(crate) fn after(&self, time: Time, minutes: u64) -> Duration {
        let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
        time.elapsed.saturating_add(self.minute.saturating_mul(minutes))
    }
}

/// Bounds of fleet provisioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvisioningLimits {
    /// How long an ownership token is good.
    pub token_validity: Duration,
    /// Certificates that wait for their thing.
    pub pending: usize,
    /// Bytes of a request.
    pub payload_bytes: usize,
    /// Bytes of a template.
    pub template_bytes: usize,
    /// Templates.
    pub templates: usize,
}

impl ProvisioningLimits {
    /// As AWS documents them; the numbers of certificates and templates are ours.
    pub const AWS: Self = Self {
        token_validity: Duration::from_secs(3600),
        pending: 10_000,
        payload_bytes: 128 * 1024,
        template_bytes: 10_240,
        templates: 100,
    };
}

/// Bounds of lifecycle events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifecycleLimits {
    /// How long a client that is away keeps its version number.
    pub remembered: Duration,
    /// Clients whose version numbers are kept.
    pub clients: usize,
}

impl LifecycleLimits {
    /// As AWS documents them; the number of clients is ours.
    pub const AWS: Self = Self { remembered: Duration::from_secs(3600), clients: 100_000 };
}

/// Bounds of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleLimits {
    /// Rules.
    pub rules: usize,
    /// Messages that rules publish because of one message, rules that feed
    /// each other included.
    pub republished: usize,
    /// Bytes of a topic that a rule publishes on.
    pub topic_bytes: usize,
    /// Its levels.
    pub topic_levels: usize,
}

impl RuleLimits {
    /// Topics are bounded as AWS's are; the numbers of rules and messages are ours.
    pub const AWS: Self = Self { rules: 1000, republished: 100, topic_bytes: 256, topic_levels: 8 };
}
