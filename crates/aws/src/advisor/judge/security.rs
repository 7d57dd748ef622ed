//! The case about the policies of the device.

use super::super::Verdict;
use super::Setting;

/// Policies without a wildcard.
pub(super) fn policies(setting: &Setting) -> Verdict {
    if setting.policies.is_empty() {
        return Verdict::NotRun("no policy was given".to_owned());
    }
    for (name, policy) in &setting.policies {
        if let Some(found) = policy.first_wildcard() {
            return Verdict::Fail(format!("{name}: {found}"));
        }
    }
    Verdict::Pass(format!("{} without a wildcard", setting.policies.len()))
}
