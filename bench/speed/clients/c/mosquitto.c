/* libmosquitto, MQTT 3.1.1: its loop runs in the program's own thread, which
 * is its cheapest way. Messages are published from there as the window takes
 * them. */
#include <mosquitto.h>

#include "speed.h"

static struct job job;
static char *payload;
static long sent, acknowledged, received;
static int online, begun;

static void on_connect(struct mosquitto *client, void *data, int code) {
    (void)client, (void)data;
    check(code == 0, "CONNECT");
    online = 1;
}

static void on_publish(struct mosquitto *client, void *data, int id) {
    (void)client, (void)data, (void)id;
    acknowledged++;
}

static void on_message(struct mosquitto *client, void *data, const struct mosquitto_message *message) {
    (void)data;
    check(message->payloadlen == job.size, "the right size");
    if (!strcmp(job.mode, "answer")) {
        if (!begun++) meter_begin();
        int code = mosquitto_publish(client, NULL, ANSWERS, message->payloadlen, message->payload, 0, false);
        check(code == MOSQ_ERR_SUCCESS, "answer");
    }
    received++;
}

static void run(struct mosquitto *client) {
    check(mosquitto_loop(client, 1000, 1) == MOSQ_ERR_SUCCESS, "loop");
}

static void send_one(struct mosquitto *client, int qos) {
    int code = mosquitto_publish(client, NULL, TOPIC, job.size, payload, qos, false);
    check(code == MOSQ_ERR_SUCCESS, "publish");
    sent++;
}

static void publish(struct mosquitto *client) {
    meter_begin();
    while (sent < job.count) {
        if (sent - acknowledged < job.window) send_one(client, job.qos);
        else run(client);
    }
    /* Once the server acknowledges one more, it has all before it. */
    if (job.qos == 0) send_one(client, 1);
    while (acknowledged < sent) run(client);
    meter_finish(job.count);
}

static void receive(struct mosquitto *client) {
    meter_begin();
    check(mosquitto_subscribe(client, NULL, FILTER, job.qos) == MOSQ_ERR_SUCCESS, "subscribe");
    while (received < job.count) run(client);
    meter_finish(job.count);
}

int main(int argc, char **argv) {
    job = job_from_args(argc, argv);
    payload = malloc(job.size + 1);
    memset(payload, 'x', job.size);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("speed", true, NULL);
    mosquitto_max_inflight_messages_set(client, job.window);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_publish_callback_set(client, on_publish);
    mosquitto_message_callback_set(client, on_message);
    if (job.ca) check(mosquitto_tls_set(client, job.ca, NULL, NULL, NULL, NULL) == 0, "TLS");
    check(mosquitto_connect(client, job.host, job.port, job.keep_alive) == 0, "connect");
    while (!online) run(client);
    if (!strcmp(job.mode, "publish")) publish(client);
    else receive(client);
    mosquitto_disconnect(client);
    while (mosquitto_loop(client, 10, 1) == MOSQ_ERR_SUCCESS) {}
    return 0;
}
