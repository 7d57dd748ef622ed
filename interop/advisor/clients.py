"""The clients that are measured, each with the settings that its users would choose for AWS.

A client's function gives its command for a case, or None if none of its programs here is for that.
"""

PUBLISHES = {"MQTT_Publish", "MQTT_Publish_Retry_No_Puback"}
RETRIES = {"MQTT_Publish_Retry_No_Puback", "MQTT_Subscribe_Retry_No_Suback"}
# They want a device of some lines, which client.mjs and device.rs alone are.
DEVICES = {"Shadow_Update_Reported_State", "Job_Execution"}

SHADOW = ["-t", "$aws/things/{thing}/shadow/update", "-m", '{"state":{"reported":{"level":4.2}}}']
FILES = "{ca} {cert} {key}".split()


def does(case):
    for begin, what in [("Shadow_", "shadow"), ("Job_", "job")]:
        if case.startswith(begin):
            return what
    return "publish" if case in PUBLISHES else "subscribe"


def is_tls(case):
    return case.startswith("TLS_")


def files(case):
    """As Evenkeel and mosquitto call them."""
    return "--cafile {ca} --cert {cert} --key {key}".split() if is_tls(case) else []


def evenkeel(case, at):
    if case in DEVICES:
        return [at.device, "{url}", "{thing}", does(case)]
    common = "-h {host} -p {port} -i {client_id} -q 1 -c -k 30 --profile aws-iot-core".split()
    if case == "Shadow_Publish_Reported_State":
        return [at.evenkeel, "pub", *common, *SHADOW]
    command = ["pub", "-m", "hello"] if case in PUBLISHES else ["sub"]
    words = [at.evenkeel, *command, *common, "-t", "{topic}", *files(case)]
    # MQTT 5 forbids what these cases want.
    return words + ["-V", "311", "--retry-unacked", "10"] if case in RETRIES else words


def evenkeel_311(case, at):
    if case in DEVICES:
        return None
    words = evenkeel(case, at)
    return words if case in RETRIES else [*words, "-V", "311"]


def javascript(package):
    def command(case, at):
        url = ("mqtts" if is_tls(case) else "mqtt") + "://{host}:{port}"
        words = [url, "{client_id}", "{topic}", does(case), *(FILES if is_tls(case) else [])]
        return ["node", at.home / "client.mjs", package, *words]

    return command


def rumqttc(case, at):
    if does(case) not in {"publish", "subscribe"}:
        return None
    words = "{host} {port} {client_id} {topic}".split()
    return [at.rumqttc, *words, does(case), *(FILES if is_tls(case) else [])]


def paho(case, at):
    if case in DEVICES:
        return None
    words = ["{host}", "{port}", "{client_id}", "{topic}", does(case)]
    return [at.python, at.home / "client.py", *words, *(FILES if is_tls(case) else [])]


def mosquitto(case, at):
    if case in DEVICES:
        return None
    common = "-h {host} -p {port} -i {client_id} -q 1 -c -k 30".split()
    if case == "Shadow_Publish_Reported_State":
        return ["mosquitto_pub", *common, *SHADOW]
    common += ["-t", "{topic}", *files(case)]
    if case in PUBLISHES:
        # It ends with its last message, which is far away.
        repeat = "-m hello --repeat 100 --repeat-delay 60".split()
        return ["mosquitto_pub", *common, *repeat]
    return ["mosquitto_sub", *common]


# By their names in the table.
CLIENTS = {
    "Evenkeel": evenkeel,
    "Evenkeel -V 311": evenkeel_311,
    "Evenkeel for Node": javascript("evenkeel"),
    "MQTT.js": javascript("mqtt"),
    "rumqttc": rumqttc,
    "paho-mqtt": paho,
    "mosquitto": mosquitto,
}
