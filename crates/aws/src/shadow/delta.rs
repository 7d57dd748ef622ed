//! What is desired and not yet reported.

use serde_json::{Map, Value};

use super::document::Section;

/// The desired state that differs from the reported one, with its metadata;
/// `None` if nothing does.
///
/// It holds the differing leaves below the keys that lead to them. Arrays are
/// compared and copied whole; what is only reported is no difference.
pub(super) fn delta(desired: &Section, reported: &Section) -> Option<Section> {
    let (state, metadata) = differences(&desired.state, &desired.metadata, &reported.state);
    (!state.is_empty()).then_some(Section { state, metadata })
}

type Tree = Map<String, Value>;

fn differences(desired: &Tree, metadata: &Tree, reported: &Tree) -> (Tree, Tree) {
    let (mut state, mut times) = (Tree::new(), Tree::new());
    for (key, wanted) in desired {
        let time = metadata.get(key).cloned().unwrap_or_default();
        let (differs, time) = match (wanted, reported.get(key), time) {
            (Value::Object(wanted), Some(Value::Object(is)), Value::Object(below)) => {
                let (state, times) = differences(wanted, &below, is);
                if state.is_empty() {
                    continue;
                }
                (Value::Object(state), Value::Object(times))
            }
            (wanted, Some(is), _) if wanted == is => continue,
            (wanted, _, time) => (wanted.clone(), time),
        };
        state.insert(key.clone(), differs);
        times.insert(key.clone(), time);
    }
    (state, times)
}
