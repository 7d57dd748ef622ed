/* What the measured C programs share: their job, and the line they print.
 * The same as clients/common/src/lib.rs. */
#ifndef SPEED_H
#define SPEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "bench/00"
#define FILTER "bench/#"
#define ANSWERS "answer/00"

struct job {
    const char *mode, *host, *ca;
    int port, qos, window, size, keep_alive;
    long count;
};

static const char *argument(int argc, char **argv, const char *key, const char *otherwise) {
    size_t length = strlen(key);
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], key, length) && argv[i][length] == '=') return argv[i] + length + 1;
    return otherwise;
}

static struct job job_from_args(int argc, char **argv) {
    struct job job = {
        .mode = argument(argc, argv, "mode", ""),
        .ca = argument(argc, argv, "ca", NULL),
        .qos = atoi(argument(argc, argv, "qos", "0")),
        .window = atoi(argument(argc, argv, "window", "1")),
        .size = atoi(argument(argc, argv, "size", "0")),
        .keep_alive = atoi(argument(argc, argv, "keep_alive", "60")),
        .count = atol(argument(argc, argv, "count", "0")),
    };
    const char *url = argument(argc, argv, "url", "mqtt://127.0.0.1:1883");
    char *host = strdup(strstr(url, "://") + 3), *colon = strchr(host, ':');
    *colon = 0;
    job.host = host;
    job.port = atoi(colon + 1);
    return job;
}

static double seconds_of(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static double meter_start, meter_cpu;

static void meter_begin(void) {
    meter_start = seconds_of(CLOCK_MONOTONIC);
    meter_cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static void meter_finish(long messages) {
    double took = seconds_of(CLOCK_MONOTONIC) - meter_start;
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - meter_cpu;
    long kib = 0;
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
    if (status) fclose(status);
    printf("{\"messages\":%ld,\"seconds\":%.6f,\"cpu\":%.6f,\"rss\":%ld}\n", messages, took, cpu,
           kib * 1024);
    fflush(stdout);
}

static void check(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

#endif
