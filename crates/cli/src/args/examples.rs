//! The examples that end each page of help.

/// What follows the examples of a command with times.
macro_rules! with_times {
    ($examples:literal) => {
        concat!(
            $examples,
            "\n\nTIME is in seconds (30, 1.5) or has a unit: 250ms, 2m, 1h.\n",
            "All flags and exit codes: docs/cli.md. Flags have mosquitto's letters: -h is --host."
        )
    };
}

pub(super) const EVENKEEL: &str = "\
Examples:
  evenkeel demo                                  # needs no broker
  evenkeel sub -h broker.example 'site/+/level' -v
  evenkeel pub -h broker.example site/7/level 4.2 -q 1
  evenkeel help pub                              # all about one command

Flags have mosquitto's letters, so -h is --host. Reference: docs/cli.md.";

pub(super) const PUBLISH: &str = with_times!(
    "\
Examples:
  evenkeel pub -h broker.example site/7/level 4.2 -q 1
  evenkeel pub -h broker.example -t site/7/level -m -4.2 -r
  evenkeel pub -L mqtts://user@broker.example/site/7/photo -f photo.jpg
  tail -f app.log | evenkeel pub -h broker.example -t app/log -l -q 1 --metrics 9464"
);

pub(super) const SUBSCRIBE: &str = with_times!(
    "\
Examples:
  evenkeel sub -h broker.example 'site/+/level' -v
  evenkeel sub -h broker.example 'site/+/alarm' -C 1 -W 10
  evenkeel sub -h broker.example -t '#' --json --events events.jsonl
  evenkeel sub -h broker.example 'site/#' -q 1 -i logger-1 -c   # misses nothing
  evenkeel sub -h broker.example '#' --metrics 9464             # for Prometheus"
);

pub(super) const REQUEST: &str = with_times!(
    "\
Examples:
  evenkeel rr -h broker.example site/7/ask status
  evenkeel rr -h broker.example site/7/ask status -W 500ms
  evenkeel rr -h broker.example -V 311 -t site/7/ask -e site/7/answer -m status"
);

pub(super) const BROKER: &str = "\
Examples:
  evenkeel broker
  evenkeel broker -p 0 --ws-port 0               # any free ports, which it tells
  evenkeel broker --tls-port 8883 --cert server.pem --key server.key
  evenkeel broker --faults trouble.toml --events -
  evenkeel broker --metrics 9464                 # for Prometheus
  evenkeel broker --profile aws-iot-core --strictness harsh --events -
  evenkeel broker --aws account --init pump-17   # AWS IoT Core on this machine

Settings and faults: docs/broker.md.";

pub(super) const DEMO: &str = "\
Example:
  evenkeel demo                                  # takes about 20 seconds";

pub(super) const SOAK: &str = with_times!(
    "\
Examples:
  evenkeel soak
  evenkeel soak --for 2m --clients 100 --seed 1
  evenkeel soak --for 1h --metrics 9464"
);

pub(super) const ADVISOR: &str = with_times!(
    "\
Examples:
  evenkeel advisor -- evenkeel sub -h {host} -p {port} -i {client_id} -t {topic} -q 1
  evenkeel advisor --case MQTT_No_Ack_PingResp -- mosquitto_sub -h {host} -p {port} -t {topic}
  evenkeel advisor --suite tls -- mosquitto_sub -h {host} -p {port} -t {topic} --cafile {ca}
  evenkeel advisor --html report.html --junit report.xml -- ./device {host} {port}"
);

pub(super) const DOCTOR: &str = "\
Examples:
  evenkeel doctor device.log broker.log capture.pcap
  evenkeel doctor --follow /var/log/mosquitto/mosquitto.log
  evenkeel doctor --format html -o report.html capture.pcap.gz
  evenkeel doctor proxy --listen 127.0.0.1:1884 --to mqtts://broker.example.com";

pub(super) const DOCTOR_PROXY: &str = "\
Examples:
  evenkeel doctor proxy --listen 127.0.0.1:1884 --to mqtt://127.0.0.1:1883
  evenkeel doctor proxy --to mqtts://broker.example.com --faults faults.toml";

pub(super) const DOCTOR_EXPLAIN: &str = "\
Examples:
  evenkeel doctor explain KA05
  evenkeel doctor explain false-keepalive-death";

pub(super) const DOCTOR_RULES: &str = "\
Examples:
  evenkeel doctor rules";

pub(super) const DOCTOR_FORMATS: &str = "\
Examples:
  evenkeel doctor formats";

pub(super) const QUEUE: &str = "\
Examples:
  evenkeel queue ls pump.session
  evenkeel queue show pump.session 4711
  evenkeel queue export pump.session --to payloads
  evenkeel queue requeue pump.session --all";

pub(super) const QUEUE_LS: &str = "\
Examples:
  evenkeel queue ls pump.session
  evenkeel queue ls pump.session --state quarantined --json";

pub(super) const QUEUE_SHOW: &str = "\
Example:
  evenkeel queue show pump.session 4711";

pub(super) const QUEUE_RM: &str = "\
Examples:
  evenkeel queue rm pump.session 4711 4712
  evenkeel queue rm pump.session --quarantined";

pub(super) const QUEUE_EXPORT: &str = "\
Examples:
  evenkeel queue export pump.session > pump.jsonl
  evenkeel queue export pump.session --to payloads
  evenkeel queue export pump.session --salvage > left.jsonl";

pub(super) const QUEUE_REQUEUE: &str = "\
Examples:
  evenkeel queue requeue pump.session 4711
  evenkeel queue requeue pump.session --all";

pub(super) const COMPLETIONS: &str = "\
Examples:
  evenkeel completions bash > ~/.local/share/bash-completion/completions/evenkeel
  evenkeel completions zsh > ~/.zfunc/_evenkeel";

pub(super) const MAN: &str = "\
Examples:
  evenkeel man | man -l -
  evenkeel man sub | man -l -";

pub(super) const VERSION: &str = "\
Example:
  evenkeel version";

pub(super) const HELP: &str = "\
Examples:
  evenkeel help
  evenkeel help pub";

pub(super) const PROFILE: &str = "\
Examples:
  evenkeel profile ls
  evenkeel profile show aws-iot-core
  evenkeel profile check plant.toml";

pub(super) const PROFILE_LS: &str = "\
Example:
  evenkeel profile ls";

pub(super) const PROFILE_SHOW: &str = "\
Examples:
  evenkeel profile show azure-iot-hub
  evenkeel profile show aws-iot-core --toml > plant.toml";

pub(super) const PROFILE_CHECK: &str = "\
Example:
  evenkeel profile check plant.toml";

pub(super) const AWS: &str = "\
Example:
  evenkeel help aws

Ways in, from a new account on: docs/aws.md.";

pub(super) const AWS_SHADOW: &str = "\
Examples:
  evenkeel aws shadow get pump-17 --aws account
  evenkeel aws shadow update pump-17 --aws account \\
    '{\"state\":{\"desired\":{\"level\":5}}}'";

pub(super) const AWS_JOB: &str = "\
Examples:
  evenkeel aws job create reboot '{\"do\":\"reboot\"}' --thing pump-17 --aws account
  evenkeel aws job describe reboot --aws account
  evenkeel aws job ls pump-17 --aws account
  evenkeel aws job cancel reboot --aws account
  evenkeel aws job delete reboot --aws account";

pub(super) const AWS_THING: &str = "\
Examples:
  evenkeel aws thing ls --aws account
  evenkeel aws thing add pump-18 --attribute site=north --aws account";

pub(super) const AWS_CERTIFICATE: &str = "\
Examples:
  evenkeel aws certificate ls --aws account
  evenkeel aws certificate add pump-18 --thing pump-18 --policy thing --aws account
  evenkeel aws certificate deactivate pump-18 --aws account
  evenkeel aws certificate set ID revoked --aws account";

pub(super) const AWS_CONNECTION: &str = "\
Examples:
  evenkeel aws connection ls --aws account
  evenkeel aws connection delete pump-17 --aws account";

pub(super) const AWS_PROVISION: &str = with_times!(
    "\
Examples:
  evenkeel aws provision -h a1b2-ats.iot.eu-west-1.amazonaws.com --template pumps \\
    --claim-cert claim.crt --claim-key claim.key --parameters pump.json --out pump"
);
