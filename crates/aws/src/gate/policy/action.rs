//! What a policy is asked about.

use std::fmt;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Connect with a client identifier.
    Connect,
    /// Publish to a topic.
    Publish,
    /// Publish to a topic with RETAIN, which needs [`Action::Publish`] too.
    RetainPublish,
    /// Be sent messages of a topic.
    Receive,
    /// Subscribe with a filter.
    Subscribe,
    /// Read a shadow by HTTP.
    GetThingShadow,
    /// Change a shadow by HTTP.
    UpdateThingShadow,
    /// Delete a shadow by HTTP.
    DeleteThingShadow,
    /// List the named shadows of a thing by HTTP.
    ListNamedShadowsForThing,
    /// List the jobs of a thing by HTTP.
    GetPendingJobExecutions,
    /// Start the next job of a thing by HTTP.
    StartNextPendingJobExecution,
    /// Read a job of a thing by HTTP.
    DescribeJobExecution,
    /// Report on a job of a thing by HTTP.
    UpdateJobExecution,
    /// Read a retained message by HTTP.
    GetRetainedMessage,
    /// List the retained messages by HTTP.
    ListRetainedMessages,
    /// End a connection by HTTP.
    DeleteConnection,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Connect,
        Self::Publish,
        Self::RetainPublish,
        Self::Receive,
        Self::Subscribe,
        Self::GetThingShadow,
        Self::UpdateThingShadow,
        Self::DeleteThingShadow,
        Self::ListNamedShadowsForThing,
        Self::GetPendingJobExecutions,
        Self::StartNextPendingJobExecution,
        Self::DescribeJobExecution,
        Self::UpdateJobExecution,
        Self::GetRetainedMessage,
        Self::ListRetainedMessages,
        Self::DeleteConnection,
    ];

    /// The name in policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "iot:Connect",
            Self::Publish => "iot:Publish",
            Self::RetainPublish => "iot:RetainPublish",
            Self::Receive => "iot:Receive",
            Self::Subscribe => "iot:Subscribe",
            Self::GetThingShadow => "iot:GetThingShadow",
            Self::UpdateThingShadow => "iot:UpdateThingShadow",
            Self::DeleteThingShadow => "iot:DeleteThingShadow",
            Self::ListNamedShadowsForThing => "iot:ListNamedShadowsForThing",
            Self::GetPendingJobExecutions => "iotjobsdata:GetPendingJobExecutions",
            Self::StartNextPendingJobExecution => "iotjobsdata:StartNextPendingJobExecution",
            Self::DescribeJobExecution => "iotjobsdata:DescribeJobExecution",
            Self::UpdateJobExecution => "iotjobsdata:UpdateJobExecution",
            Self::GetRetainedMessage => "iot:GetRetainedMessage",
            Self::ListRetainedMessages => "iot:ListRetainedMessages",
            Self::DeleteConnection => "iot:DeleteConnection",
        }
    }

    /// What stands in front of the name in the resource's ARN.
    #[must_use]
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Connect | Self::DeleteConnection => "client",
            Self::Publish | Self::RetainPublish | Self::Receive | Self::GetRetainedMessage => {
                "topic"
            }
            Self::Subscribe => "topicfilter",
            Self::GetThingShadow
            | Self::UpdateThingShadow
            | Self::DeleteThingShadow
            | Self::GetPendingJobExecutions
            | Self::StartNextPendingJobExecution
            | Self::DescribeJobExecution
            | Self::UpdateJobExecution => "thing",
            Self::ListNamedShadowsForThing | Self::ListRetainedMessages => "*",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The account that resources belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// The account's number of 12 digits.
    pub number: String,
}

impl Account {
    /// The ARN of a resource: `arn:aws:iot:eu-west-1:123456789012:topic/a`.
    #[must_use]
    pub fn arn(&self, action: Action, name: &str) -> String {
        let Self { region, number } = self;
        match action.resource() {
            "*" => "*".to_owned(),
            kind => format!("arn:aws:iot:{region}:{number}:{kind}/{name}"),
        }
    }
}

impl Default for Account {
    /// The region and the account of AWS's own examples.
    fn default() -> Self {
        Self { region: "us-east-1".to_owned(), number: "123456789012".to_owned() }
    }
}
