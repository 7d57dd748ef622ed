//! AW03: an identifier that the cloud assigned is used again.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AW03",
        slug: "assigned-id-reused",
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 1,
        sees: "The first connection works, every later one is refused.",
        why: "The client connected without an identifier, was given one, and comes back with it. \
              The service does not let anybody connect with an identifier of that form.",
        fix: "Give the client an identifier of your own.",
        raises: "The broker's log.",
        explains: &["AU03", "RC01", "RC06"],
        references: &["https://github.com/awslabs/aws-c-mqtt"],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let Some((_, connect)) = connection.mqtt.connect else { return };
    let reusable = view.profile.connection.assigned_client_id_reusable.as_ref();
    if reusable.is_none_or(|limit| limit.value)
        || !view.texts.text(connect.client_id).starts_with("$GEN/")
    {
        return;
    }
    let refused = connection.mqtt.connack.is_some_and(|(_, connack)| connack.code != 0);
    let ended = connection.mqtt.connack.is_none() && connection.end.is_some();
    if refused || ended {
        let hit = Hit::new("it connects with an identifier that the service once assigned");
        hits.add(hit.event(event, "refused"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;

    const AGAIN: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.1 > CONNECT id=$GEN/4711 v=5
        c1 0.2 < CONNACK v5 code=133";

    #[test]
    fn true_refused() {
        Trace::at("aws-iot-core").lines(AGAIN).finds("AW03");
    }

    #[test]
    fn alike_an_identifier_of_its_own() {
        let lines = AGAIN.replace("$GEN/4711", "pump");
        Trace::at("aws-iot-core").lines(&lines).does_not_find("AW03");
    }

    #[test]
    fn alike_let_in() {
        let lines = AGAIN.replace(" code=133", "");
        Trace::at("aws-iot-core").lines(&lines).does_not_find("AW03");
    }
}
