//! The statements that apply to one connection.

use super::pattern::Glob;
use super::{Account, Action, Choice, Context, Policy};

/// What a connection may do: the statements of its policies, with variables and
/// conditions settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    account: Account,
    grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    is_allow: bool,
    actions: Vec<Action>,
    resources: Settled,
    name: StatementName,
}

/// A [`Choice`] whose variables have values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settled {
    except: bool,
    globs: Vec<Glob>,
}

/// Which statement has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementName {
    /// The policy's name.
    pub policy: String,
    /// Its number in the policy, from 0.
    pub index: usize,
    /// Its `Sid`, if it has one.
    pub sid: Option<String>,
}

/// What the policies say, and by which statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// A statement allows it, and none denies it.
    Allowed(&'a StatementName),
    /// A statement denies it, whatever others allow.
    Denied(&'a StatementName),
    /// No statement is about it.
    NotMentioned,
}

impl Grants {
    /// Settles policies, each with its name, for a connection.
    #[must_use]
    pub fn of<'a>(
        policies: impl IntoIterator<Item = (&'a str, &'a Policy)>,
        context: &Context,
        account: &Account,
    ) -> Self {
        let mut grants = Vec::new();
        for (policy, document) in policies {
            for (index, statement) in document.statements.iter().enumerate() {
                if !statement.conditions.iter().all(|condition| condition.holds(context)) {
                    continue;
                }
                let Some(actions) = Settled::of(&statement.actions, context) else { continue };
                let Some(resources) = Settled::of(&statement.resources, context) else { continue };
                let fits =
                    |action: &Action| actions.has(|glob| glob.fits_in_any_case(action.name()));
                let actions = Action::ALL.into_iter().filter(fits).collect();
                let sid = statement.sid.clone();
                let name = StatementName { policy: policy.to_owned(), index, sid };
                grants.push(Grant { is_allow: statement.is_allow, actions, resources, name });
            }
        }
        Self { account: account.clone(), grants }
    }

    /// What the policies say of an action on a client identifier, topic, filter
    /// or thing.
    #[must_use]
    pub fn decide(&self, action: Action, name: &str) -> Decision<'_> {
        let arn = self.account.arn(action, name);
        let fits = |grant: &&Grant| {
            grant.actions.contains(&action) && grant.resources.has(|glob| glob.fits(&arn))
        };
        let mut allowed = Decision::NotMentioned;
        for grant in self.grants.iter().filter(fits) {
            if !grant.is_allow {
                return Decision::Denied(&grant.name);
            }
            if allowed == Decision::NotMentioned {
                allowed = Decision::Allowed(&grant.name);
            }
        }
        allowed
    }

    /// True if the policies allow it.
    #[must_use]
    pub fn allow(&self, action: Action, name: &str) -> bool {
        matches!(self.decide(action, name), Decision::Allowed(_))
    }

    /// True if the policies allow to publish, with RETAIN or without.
    #[must_use]
    pub fn allow_publish(&self, topic: &str, retain: bool) -> bool {
        self.allow(Action::Publish, topic) && (!retain || self.allow(Action::RetainPublish, topic))
    }
}

impl Settled {
    /// Nothing if it cannot be about anything: all of its patterns, or one that
    /// makes an exception, have a variable without value.
    fn of(choice: &Choice, context: &Context) -> Option<Self> {
        let globs: Vec<Glob> =
            choice.patterns.iter().filter_map(|pattern| pattern.resolve(context)).collect();
        let is_whole = globs.len() == choice.patterns.len();
        let is_useful = if choice.except { is_whole } else { !globs.is_empty() };
        is_useful.then_some(Self { except: choice.except, globs })
    }

    fn has(&self, fits: impl Fn(&Glob) -> bool) -> bool {
        self.globs.iter().any(fits) != self.except
    }
}
