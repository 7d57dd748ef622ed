/* Eclipse Paho C, the asynchronous client (MQTTAsync), MQTT 3.1.1: threads of
 * the library's own; messages are published from the program's thread, as the
 * window takes them. */
#include <MQTTAsync.h>
#include <pthread.h>

#include "speed.h"

static struct job job;
static MQTTAsync client;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long acknowledged, received;
static int online, begun;

static void count(long *counter) {
    pthread_mutex_lock(&lock);
    (*counter)++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_connect(void *data, MQTTAsync_successData *response) {
    (void)data, (void)response;
    pthread_mutex_lock(&lock);
    online = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_failure(void *data, MQTTAsync_failureData *response) {
    (void)data, (void)response;
    check(0, "an operation");
}

static void on_success(void *data, MQTTAsync_successData *response) {
    (void)data, (void)response;
    count(&acknowledged);
}

static void send_one(const char *topic, int size, const void *payload, int qos) {
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess = on_success;
    options.onFailure = on_failure;
    int code = MQTTAsync_send(client, topic, size, payload, qos, 0, &options);
    check(code == MQTTASYNC_SUCCESS, "publish");
}

static int on_message(void *data, char *topic, int length, MQTTAsync_message *message) {
    (void)data, (void)length;
    check(message->payloadlen == job.size, "the right size");
    if (!strcmp(job.mode, "answer")) {
        if (!begun++) meter_begin();
        send_one(ANSWERS, message->payloadlen, message->payload, 0);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    count(&received);
    return 1;
}

static void wait_for(long *counter, long at_least) {
    pthread_mutex_lock(&lock);
    while (*counter < at_least) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void publish(void) {
    char *payload = malloc(job.size + 1);
    memset(payload, 'x', job.size);
    meter_begin();
    for (long sent = 0; sent < job.count; sent++) {
        wait_for(&acknowledged, sent - job.window + 1);
        send_one(TOPIC, job.size, payload, job.qos);
    }
    long all = job.count;
    if (job.qos == 0) {
        /* Once the server acknowledges one more, it has all before it. */
        send_one(TOPIC, job.size, payload, 1);
        all++;
    }
    wait_for(&acknowledged, all);
    meter_finish(job.count);
}

static void receive(void) {
    meter_begin();
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    check(MQTTAsync_subscribe(client, FILTER, job.qos, &options) == 0, "subscribe");
    wait_for(&received, job.count);
    if (!strcmp(job.mode, "answer")) wait_for(&acknowledged, job.count);
    meter_finish(job.count);
}

int main(int argc, char **argv) {
    job = job_from_args(argc, argv);
    char url[256];
    snprintf(url, sizeof url, "tcp://%s:%d", job.host, job.port);
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
    /* Answers are sent from the callback, which must not wait for room. */
    create.maxBufferedMessages = (strcmp(job.mode, "answer") ? job.window : job.count) + 100;
    check(MQTTAsync_createWithOptions(&client, url, "speed", MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) == 0, "create");
    check(MQTTAsync_setCallbacks(client, NULL, NULL, on_message, NULL) == 0, "callbacks");
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    options.keepAliveInterval = job.keep_alive;
    options.cleansession = 1;
    options.maxInflight = job.window;
    options.onSuccess = on_connect;
    options.onFailure = on_failure;
    check(MQTTAsync_connect(client, &options) == 0, "connect");
    pthread_mutex_lock(&lock);
    while (!online) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (!strcmp(job.mode, "publish")) publish();
    else receive();
    return 0;
}
