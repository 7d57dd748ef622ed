"""The clients that are measured, each with the settings that its users would choose for AWS."""

PUBLISHES = {"MQTT_Publish", "MQTT_Publish_Retry_No_Puback"}
RETRIES = {"MQTT_Publish_Retry_No_Puback", "MQTT_Subscribe_Retry_No_Suback"}


def does(case):
    return "publish" if case in PUBLISHES else "subscribe"


def evenkeel(case, at):
    common = "-h {host} -p {port} -i {client_id} -t {topic} -q 1 -c -k 30 --profile aws-iot-core"
    words = [at.evenkeel, *("pub -m hello" if case in PUBLISHES else "sub").split(), *common.split()]
    # MQTT 5 forbids what these cases want.
    return words + ["-V", "311", "--retry-unacked", "10"] if case in RETRIES else words


def evenkeel_311(case, at):
    words = evenkeel(case, at)
    return words if case in RETRIES else words + ["-V", "311"]


def javascript(package):
    def command(case, at):
        words = "mqtt://{host}:{port} {client_id} {topic}".split()
        return ["node", at.home / "client.mjs", package, *words, does(case)]

    return command


def rumqttc(case, at):
    return [at.rumqttc, *"{host} {port} {client_id} {topic}".split(), does(case)]


def paho(case, at):
    return [at.python, at.home / "client.py", *"{host} {port} {client_id} {topic}".split(), does(case)]


def mosquitto(case, at):
    common = "-h {host} -p {port} -i {client_id} -t {topic} -q 1 -c -k 30".split()
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
