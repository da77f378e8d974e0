/*
 * A DNS proxy over UDP whose answers come late: latedns LISTEN_ADDRESS UPSTREAM_ADDRESS MILLISECONDS
 *
 * Both addresses are in 127.0.0.0/8, the port is 53. Each answer is held for the same time, so that they leave in
 * the order in which they came. It ends when its parent does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define HELD 8192
#define LARGEST 1500

static struct {
    struct sockaddr_in asker;
    uint16_t id;
} asked[65536];

static struct {
    double due;
    struct sockaddr_in asker;
    ssize_t size;
    unsigned char bytes[LARGEST];
} held[HELD];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static struct sockaddr_in loopback(const char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1 || ntohl(address.sin_addr.s_addr) >> 24 != 127) {
        fprintf(stderr, "%s: only addresses in 127.0.0.0/8\n", text);
        exit(2);
    }
    return address;
}

static int opened(struct sockaddr_in address, int (*use)(int, const struct sockaddr *, socklen_t)) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (fd < 0 || use(fd, (struct sockaddr *)&address, sizeof address)) {
        perror("latedns");
        exit(1);
    }
    return fd;
}

static void take_queries(int front, int back) {
    static uint16_t next;
    unsigned char bytes[LARGEST];
    struct sockaddr_in asker;
    socklen_t length = sizeof asker;
    for (ssize_t n; (n = recvfrom(front, bytes, sizeof bytes, 0, (struct sockaddr *)&asker, &length)) > 0;) {
        if (n < 12) continue;
        asked[++next].asker = asker;
        memcpy(&asked[next].id, bytes, 2);
        memcpy(bytes, &next, 2);
        if (send(back, bytes, n, 0) < 0) perror("latedns: upstream");
    }
}

int main(int count, char **arguments) {
    if (count != 4) {
        fputs("usage: latedns LISTEN_ADDRESS UPSTREAM_ADDRESS MILLISECONDS\n", stderr);
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int front = opened(loopback(arguments[1]), bind), back = opened(loopback(arguments[2]), connect);
    double late = atof(arguments[3]) / 1e3;
    unsigned first = 0, last = 0;
    for (;;) {
        double wait = first == last ? 3600 : held[first % HELD].due - now();
        if (wait < 0) wait = 0;
        struct timespec pause = {(time_t)wait, (long)((wait - (time_t)wait) * 1e9)};
        struct pollfd ready[2] = {{front, POLLIN, 0}, {back, POLLIN, 0}};
        if (ppoll(ready, 2, &pause, NULL) < 0 && errno != EINTR) return 1;
        take_queries(front, back);
        while (last - first < HELD) {
            ssize_t n = recv(back, held[last % HELD].bytes, LARGEST, 0);
            if (n < 2) break;
            uint16_t key;
            memcpy(&key, held[last % HELD].bytes, 2);
            memcpy(held[last % HELD].bytes, &asked[key].id, 2);
            held[last % HELD].asker = asked[key].asker;
            held[last % HELD].size = n;
            held[last++ % HELD].due = now() + late;
        }
        for (; first != last && held[first % HELD].due <= now(); first++)
            sendto(front, held[first % HELD].bytes, held[first % HELD].size, 0,
                   (struct sockaddr *)&held[first % HELD].asker, sizeof held[0].asker);
    }
}
