//! Which names AWS accepts.

/// True for the name of a thing: 1 to 128 of letters, digits and `:_-`.
#[must_use]
pub fn is_thing(name: &str) -> bool {
    is_made_of(name, 128, ":_-")
}

/// True for the name of a named shadow: 1 to 64 of letters, digits and `$:_-`.
pub(crate) fn is_shadow(name: &str) -> bool {
    is_made_of(name, 64, "$:_-")
}

/// True for the id of a job: 1 to 64 of letters, digits and `_-`.
pub(crate) fn is_job(id: &str) -> bool {
    is_made_of(id, 64, "_-")
}

/// True for the key of a status detail: 1 to 128 of letters, digits and `:_-`.
pub(crate) fn is_detail(key: &str) -> bool {
    is_made_of(key, 128, ":_-")
}

/// True for the name of a provisioning template: 1 to 36 of letters, digits and `_-`.
pub(crate) fn is_template(name: &str) -> bool {
    is_made_of(name, 36, "_-")
}

/// True for the name of a rule: 1 to 128 of letters, digits and `_`.
pub(crate) fn is_rule(name: &str) -> bool {
    is_made_of(name, 128, "_")
}

fn is_made_of(name: &str, longest: usize, others: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    !name.is_empty() && name.len() <= longest && name.chars().all(is_allowed)
}
