/*
 * A milter (protocol version 6) load client that plays the MTA's side.
 *
 * It speaks to one milter, or to a chain of them as Postfix does with "smtpd_milters = a, b, c": CONNECT to DATA
 * go to each in turn, then the whole message goes to the first, its header changes are applied, and the changed
 * message goes to the next one.
 *
 * As Postfix does, it opens a milter connection for each SMTP session (here: for each message), waits for no reply
 * to a step that was negotiated as no-reply, sends such steps together, leaves out steps that were negotiated away,
 * and honours HDR_LEADSPC, SKIP and PROGRESS.
 *
 * Only loopback addresses and unix sockets are accepted as targets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAXM 8       /* milters in a chain */
#define CHUNK 65535u /* as Postfix and Sendmail */

/* actions and protocol flags offered (v6) */
#define OFFER_ACTIONS 0x1FFu
#define OFFER_PROTO 0x1FFFFFu
#define P_NOCONNECT 0x1
#define P_NOHELO 0x2
#define P_NOMAIL 0x4
#define P_NORCPT 0x8
#define P_NOBODY 0x10
#define P_NOHDRS 0x20
#define P_NOEOH 0x40
#define P_NR_HDR 0x80
#define P_NOUNKNOWN 0x100
#define P_NODATA 0x200
#define P_SKIP 0x400
#define P_RCPT_REJ 0x800
#define P_NR_CONN 0x1000
#define P_NR_HELO 0x2000
#define P_NR_MAIL 0x4000
#define P_NR_RCPT 0x8000
#define P_NR_DATA 0x10000
#define P_NR_UNKN 0x20000
#define P_NR_EOH 0x40000
#define P_NR_BODY 0x80000
#define P_HDR_LEADSPC 0x100000

typedef struct {
    char *name, *val;
} hdr; /* val: as in the message after ':' with LF folds */
typedef struct {
    char *id, *cls, *ip, *host, *helo, *from, *rcpt;
    hdr *h;
    int nh;
    char *body;
    size_t blen;
} msg;

static msg *corpus;
static int ncorpus;
static const char *targets[MAXM];
static int nm;
static long total = 1000;
static double duration = 0;
static int conc = 1, tmo = 60, pause_ms = 0;
static const char *myname = "mx.bench.test";
static FILE *dump;
static pthread_mutex_t dump_mu = PTHREAD_MUTEX_INITIALIZER;
static atomic_long next_msg, done_msgs, err_msgs;
static atomic_long replies[MAXM][256]; /* final verdict of a message, by milter */
static atomic_long mods[MAXM][256];    /* modification actions */
static atomic_long early[MAXM][256];   /* non-continue replies before EOM */
static double t_start, t_stop;
static double *lat, *eoh; /* of each message: from connect(), and from end of headers */
static atomic_long nlat;
static _Atomic uint32_t neg_proto[MAXM];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}
static void die(const char *f, ...) {
    va_list a;
    va_start(a, f);
    vfprintf(stderr, f, a);
    va_end(a);
    fputc('\n', stderr);
    exit(2);
}
static void *xm(size_t n) {
    void *p = malloc(n ? n : 1);
    if (!p) die("out of memory");
    return p;
}
static char *xdup(const char *s, size_t n) {
    char *p = xm(n + 1);
    memcpy(p, s, n);
    p[n] = 0;
    return p;
}

/* ---------------------------------------------------------------- one link */
typedef struct {
    int fd;
    uint32_t proto;
    char *ob;
    size_t on, oc; /* out */
    char *ib;
    size_t in, ip, ic;          /* in */
    int skip_session, skip_msg; /* accepted / rejected already */
} link_t;

static int flush_(link_t *l) {
    size_t o = 0;
    while (o < l->on) {
        ssize_t r = send(l->fd, l->ob + o, l->on - o, MSG_NOSIGNAL);
        if (r < 0) {
            if (errno == EINTR) continue;
            return -1;
        }
        o += r;
    }
    l->on = 0;
    return 0;
}
static void need(link_t *l, size_t n) {
    if (l->on + n > l->oc) {
        l->oc = (l->on + n) * 2;
        l->ob = realloc(l->ob, l->oc);
        if (!l->ob) die("oom");
    }
}
typedef struct {
    const void *p;
    size_t n;
} iov_;
static void put_(link_t *l, char cmd, const iov_ *v, int nv) {
    size_t n = 1;
    for (int i = 0; i < nv; i++)
        n += v[i].n;
    need(l, n + 4);
    uint32_t be = htonl((uint32_t)n);
    memcpy(l->ob + l->on, &be, 4);
    l->ob[l->on + 4] = cmd;
    l->on += 5;
    for (int i = 0; i < nv; i++) {
        memcpy(l->ob + l->on, v[i].p, v[i].n);
        l->on += v[i].n;
    }
}
static int rd(link_t *l, size_t want) { /* make want bytes available at ip */
    if (l->in - l->ip >= want) return 0;
    if (l->ip) {
        memmove(l->ib, l->ib + l->ip, l->in - l->ip);
        l->in -= l->ip;
        l->ip = 0;
    }
    if (want > l->ic) {
        l->ic = want * 2;
        l->ib = realloc(l->ib, l->ic);
        if (!l->ib) die("oom");
    }
    while (l->in < want) {
        ssize_t r = recv(l->fd, l->ib + l->in, l->ic - l->in, 0);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) return -1;
        l->in += r;
    }
    return 0;
}
static int reply(link_t *l, char *cmd, char **data, size_t *n) {
    if (rd(l, 5)) return -1;
    uint32_t be;
    memcpy(&be, l->ib + l->ip, 4);
    uint32_t len = ntohl(be);
    if (len < 1 || len > (64u << 20)) return -1;
    if (rd(l, 4 + (size_t)len)) return -1;
    *cmd = l->ib[l->ip + 4];
    *data = l->ib + l->ip + 5;
    *n = len - 1;
    l->ip += 4 + (size_t)len;
    return 0;
}
static void putmac(link_t *l, char forcmd, ...) { /* name,value pairs, NULL ends */
    iov_ v[33];
    int n = 0;
    va_list a;
    va_start(a, forcmd);
    v[n++] = (iov_){&forcmd, 1};
    const char *s;
    while ((s = va_arg(a, const char *)) && n < 33)
        v[n++] = (iov_){s, strlen(s) + 1};
    va_end(a);
    put_(l, 'D', v, n);
}
/* wait for a plain verdict; 0 continue, 1 the message is decided, -1 broken link */
static int verdict(link_t *l, int m, char *out) {
    if (flush_(l)) return -1;
    char c, *d;
    size_t n;
    do {
        if (reply(l, &c, &d, &n)) return -1;
    } while (c == 'p');
    *out = c;
    if (c != 'c' && c != 's') early[m][(unsigned char)c]++;
    return 0;
}

static int dial(const char *t) {
    int fd;
    if (!strncmp(t, "unix:", 5) || !strncmp(t, "local:", 6)) {
        struct sockaddr_un u = {.sun_family = AF_UNIX};
        strncpy(u.sun_path, strchr(t, ':') + 1, sizeof u.sun_path - 1);
        if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) return -1;
        if (connect(fd, (void *)&u, sizeof u)) {
            close(fd);
            return -1;
        }
    } else {
        if (strncmp(t, "inet:", 5)) die("bad address %s (inet:HOST:PORT, inet:PORT@HOST, unix:PATH)", t);
        char h[64];
        int port;
        const char *p = t + 5, *at = strchr(p, '@');
        if (at) {
            port = atoi(p);
            snprintf(h, sizeof h, "%s", at + 1);
        } else {
            const char *c = strrchr(p, ':');
            if (!c) die("bad address %s", t);
            port = atoi(c + 1);
            snprintf(h, sizeof h, "%.*s", (int)(c - p), p);
        }
        if (!strcmp(h, "localhost")) strcpy(h, "127.0.0.1");
        struct sockaddr_in s = {.sin_family = AF_INET, .sin_port = htons(port)};
        if (inet_pton(AF_INET, h, &s.sin_addr) != 1 || (ntohl(s.sin_addr.s_addr) >> 24) != 127)
            die("%s: only 127.0.0.0/8 and unix sockets are targets", t);
        if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) return -1;
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(fd, (void *)&s, sizeof s)) {
            close(fd);
            return -1;
        }
    }
    struct timeval tv = {.tv_sec = tmo};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    return fd;
}
static int open_link(link_t *l, int m) {
    l->on = l->in = l->ip = 0;
    l->skip_session = l->skip_msg = 0;
    if ((l->fd = dial(targets[m])) < 0) return -1;
    uint32_t o[3] = {htonl(6), htonl(OFFER_ACTIONS), htonl(OFFER_PROTO)};
    put_(l, 'O', (iov_[]){{o, 12}}, 1);
    if (flush_(l)) return -1;
    char c, *d;
    size_t n;
    if (reply(l, &c, &d, &n) || c != 'O' || n < 12) return -1;
    uint32_t r[3];
    memcpy(r, d, 12);
    neg_proto[m] = l->proto = ntohl(r[2]);
    return 0;
}
static void close_link(link_t *l) {
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
}

/* one step: sends cmd unless negotiated away, takes the reply unless NR */
static int step(link_t *l, int m, char cmd, const iov_ *v, int nv, uint32_t no, uint32_t nr, char *c) {
    *c = 'c';
    if (l->proto & no) return 0;
    put_(l, cmd, v, nv);
    if (l->proto & nr) {
        if (l->on > 65536) return flush_(l);
        return 0;
    }
    return verdict(l, m, c);
}
static int final_(char c) { return c == 'a' || c == 'r' || c == 't' || c == 'd' || c == 'y' || c == 'f' || c == '4'; }

static int session_start(link_t *l, int m, const msg *g) {
    char c;
    uint16_t port = htons(20000 + (g - corpus));
    l->skip_session = 0;
    char addr[80];
    snprintf(addr, sizeof addr, "%s", g->ip);
    if (!(l->proto & P_NOCONNECT))
        putmac(l, 'C', "j", myname, "{daemon_name}", myname, "{daemon_addr}", "127.0.0.1", "v", "Postfix 3.7.11",
               NULL);
    const char *fam = strchr(g->ip, ':') ? "6" : "4";
    if (step(l, m, 'C', (iov_[]){{g->host, strlen(g->host) + 1}, {fam, 1}, {&port, 2}, {addr, strlen(addr) + 1}}, 4,
             P_NOCONNECT, P_NR_CONN, &c))
        return -1;
    if (final_(c)) {
        l->skip_session = 1;
        return 0;
    }
    if (!(l->proto & P_NOHELO))
        putmac(l, 'H', "{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384", "{cipher_bits}", "256",
               NULL);
    if (step(l, m, 'H', (iov_[]){{g->helo, strlen(g->helo) + 1}}, 1, P_NOHELO, P_NR_HELO, &c)) return -1;
    if (final_(c)) l->skip_session = 1;
    return 0;
}
static void jstr(FILE *f, const char *s, size_t n) {
    fputc('"', f);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = s[i];
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 32 || c > 126)
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}
typedef struct {
    hdr *h;
    int n, cap;
} hlist;
static void hins(hlist *L, int at, char *name, char *val) {
    if (L->n == L->cap) {
        L->cap = L->cap * 2 + 16;
        L->h = realloc(L->h, L->cap * sizeof(hdr));
        if (!L->h) die("oom");
    }
    if (at < 0) at = 0;
    if (at > L->n) at = L->n;
    memmove(L->h + at + 1, L->h + at, (L->n - at) * sizeof(hdr));
    L->h[at] = (hdr){name, val};
    L->n++;
}
typedef struct {
    char **p;
    int n, cap;
} arena;
static char *akeep(arena *A, char *s) {
    if (A->n == A->cap) {
        A->cap = A->cap * 2 + 32;
        A->p = realloc(A->p, A->cap * sizeof(char *));
    }
    return A->p[A->n++] = s;
}

/* Deliver one message through the chain. 0 ok, -1 a link broke. */
static int deliver(link_t *L, const msg *g, long seq, double *t_eoh) {
    char qid[32];
    snprintf(qid, sizeof qid, "4Q%08lX", seq);
    char c;
    hlist H = {0};
    arena A = {0};
    int rc = 0;
    char *js = NULL;
    size_t jn = 0;
    FILE *j = NULL;
    if (dump) j = open_memstream(&js, &jn);
    for (int m = 0; m < nm; m++)
        L[m].skip_msg = L[m].skip_session;
    char verd[MAXM];
    memset(verd, 'c', sizeof verd);
    char from[600], rcpt[600];
    snprintf(from, sizeof from, "<%s>", g->from);
    const char *fh = strrchr(g->from, '@');
    fh = fh ? fh + 1 : "";
#define STEP(m, ...)                                                                                                 \
    do {                                                                                                             \
        if (step(&L[m], m, __VA_ARGS__)) {                                                                           \
            rc = -1;                                                                                                 \
            goto out;                                                                                                \
        }                                                                                                            \
        if (final_(c)) {                                                                                             \
            L[m].skip_msg = 1;                                                                                       \
            verd[m] = c;                                                                                             \
            if (c != 'a') goto stop;                                                                                 \
        }                                                                                                            \
    } while (0)
    for (int m = 0; m < nm; m++)
        if (!L[m].skip_msg) {
            if (!(L[m].proto & P_NOMAIL))
                putmac(&L[m], 'M', "{mail_mailer}", "smtp", "{mail_host}", fh, "{mail_addr}", g->from, NULL);
            STEP(m, 'M', (iov_[]){{from, strlen(from) + 1}, {"SIZE=100000", 12}}, 2, P_NOMAIL, P_NR_MAIL, &c);
        }
    for (const char *r = g->rcpt; *r; r += strcspn(r, ","), r += *r == ',') {
        int n = snprintf(rcpt, sizeof rcpt, "<%.*s", (int)strcspn(r, ","), r);
        const char *rh = strrchr(rcpt, '@');
        for (int m = 0; m < nm; m++)
            if (!L[m].skip_msg) {
                rcpt[n] = 0; /* a macro has it bare */
                if (!(L[m].proto & P_NORCPT))
                    putmac(&L[m], 'R', "{rcpt_mailer}", "local", "{rcpt_host}", rh ? rh + 1 : "", "{rcpt_addr}",
                           rcpt + 1, NULL);
                rcpt[n] = '>';
                rcpt[n + 1] = 0;
                STEP(m, 'R', (iov_[]){{rcpt, n + 2}}, 1, P_NORCPT, P_NR_RCPT, &c);
            }
    }
    for (int m = 0; m < nm; m++)
        if (!L[m].skip_msg) {
            if (!(L[m].proto & P_NODATA)) putmac(&L[m], 'T', "i", qid, NULL);
            STEP(m, 'T', NULL, 0, P_NODATA, P_NR_DATA, &c);
        }
    if (pause_ms) { /* the client's own round trips, between DATA and the final dot */
        for (int m = 0; m < nm; m++)
            if (!L[m].skip_msg && flush_(&L[m])) {
                rc = -1;
                goto out;
            }
        struct timespec gap = {pause_ms / 1000, pause_ms % 1000 * 1000000L};
        nanosleep(&gap, NULL);
    }
    H.h = xm((H.cap = g->nh + 16) * sizeof(hdr));
    memcpy(H.h, g->h, g->nh * sizeof(hdr));
    H.n = g->nh;
    for (int m = 0; m < nm; m++)
        if (!L[m].skip_msg) {
            link_t *l = &L[m];
            if (!(l->proto & P_NOHDRS)) {
                for (int i = 0; i < H.n; i++) {
                    const char *v = H.h[i].val;
                    if (!(l->proto & P_HDR_LEADSPC) && *v == ' ') v++;
                    STEP(m, 'L', (iov_[]){{H.h[i].name, strlen(H.h[i].name) + 1}, {v, strlen(v) + 1}}, 2, 0, P_NR_HDR,
                         &c);
                    if (l->skip_msg) goto next;
                }
            }
            if (!*t_eoh) *t_eoh = now();
            if (!(l->proto & P_NOEOH)) putmac(l, 'N', "i", qid, NULL);
            STEP(m, 'N', NULL, 0, P_NOEOH, P_NR_EOH, &c);
            if (l->skip_msg) goto next;
            if (!(l->proto & P_NOBODY))
                for (size_t o = 0; o < g->blen;) {
                    size_t n = g->blen - o;
                    if (n > CHUNK) n = CHUNK;
                    STEP(m, 'B', (iov_[]){{g->body + o, n}}, 1, 0, P_NR_BODY, &c);
                    if (l->skip_msg) goto next;
                    if (c == 's') break;
                    o += n;
                }
            putmac(l, 'E', "i", qid, NULL);
            put_(l, 'E', NULL, 0);
            if (flush_(l)) {
                rc = -1;
                goto out;
            }
            for (;;) {
                char *d;
                size_t n;
                if (reply(l, &c, &d, &n)) {
                    rc = -1;
                    goto out;
                }
                if (c == 'p') continue;
                if (c == 'c' || final_(c)) break;
                mods[m][(unsigned char)c]++;
                if (c == 'h' || c == 'i' || c == 'm') {
                    uint32_t ix = 0;
                    if (c != 'h') {
                        if (n < 4) {
                            rc = -1;
                            goto out;
                        }
                        memcpy(&ix, d, 4);
                        ix = ntohl(ix);
                        d += 4;
                        n -= 4;
                    }
                    size_t a = strnlen(d, n);
                    if (a + 1 > n) {
                        rc = -1;
                        goto out;
                    }
                    char *nm_ = akeep(&A, xdup(d, a));
                    size_t b = strnlen(d + a + 1, n - a - 1);
                    char *vl = xm(b + 2);
                    char *w = vl;
                    if (!(l->proto & P_HDR_LEADSPC)) *w++ = ' ';
                    memcpy(w, d + a + 1, b);
                    w[b] = 0;
                    akeep(&A, vl);
                    if (c == 'h')
                        hins(&H, H.n, nm_, vl);
                    else if (c == 'i')
                        hins(&H, ix > 0 ? (int)ix - 1 : 0, nm_,
                             vl); /* index 0/1: before/after the MTA's own Received */
                    else
                        for (int i = 0, k = 0; i < H.n; i++)
                            if (!strcasecmp(H.h[i].name, nm_) && ++k == (int)ix) {
                                if (b)
                                    H.h[i].val = vl;
                                else {
                                    memmove(H.h + i, H.h + i + 1, (H.n - i - 1) * sizeof(hdr));
                                    H.n--;
                                }
                                break;
                            }
                    if (j) {
                        fprintf(j, "%s[%d,\"%c\",%u,", ftell(j) ? "," : "", m, c, ix);
                        jstr(j, nm_, a);
                        fputc(',', j);
                        jstr(j, vl, strlen(vl));
                        fputc(']', j);
                    }
                } else if (j) {
                    fprintf(j, "%s[%d,\"%c\",0,\"\",", ftell(j) ? "," : "", m, c);
                    jstr(j, d, n > 200 ? 200 : n);
                    fputc(']', j);
                }
            }
            verd[m] = c;
            l->skip_msg = 2; /* EOM was sent */
            if (c != 'c' && c != 'a') goto stop;
        next:;
        }
stop:
    for (int m = 0; m < nm; m++) {
        if (L[m].skip_msg != 2 && !L[m].skip_session) {
            put_(&L[m], 'A', NULL, 0);
        }
        replies[m][(unsigned char)verd[m]]++;
    }
out:
    if (j) {
        fclose(j);
        if (!rc) {
            pthread_mutex_lock(&dump_mu);
            fprintf(dump, "{\"id\":\"%s\",\"class\":\"%s\",\"verdict\":\"%.*s\",\"mods\":[", g->id, g->cls, nm, verd);
            fwrite(js, 1, jn, dump);
            fputs("]}\n", dump);
            pthread_mutex_unlock(&dump_mu);
        }
        free(js);
    }
    for (int i = 0; i < A.n; i++)
        free(A.p[i]);
    free(A.p);
    free(H.h);
    return rc;
}

static void *worker(void *arg) {
    (void)arg;
    link_t L[MAXM];
    memset(L, 0, sizeof L);
    for (int m = 0; m < nm; m++) {
        L[m].fd = -1;
        L[m].oc = L[m].ic = 1 << 17;
        L[m].ob = xm(1 << 17);
        L[m].ib = xm(1 << 17);
    }
    for (;;) {
        long s = next_msg++;
        if (s >= total || (duration > 0 && now() - t_start > duration)) break;
        const msg *g = &corpus[s % ncorpus];
        double t0 = now(), t_eoh = 0;
        int bad = 0;
        for (int m = 0; m < nm && !bad; m++)
            bad = open_link(&L[m], m) != 0;
        for (int m = 0; m < nm && !bad; m++)
            bad = session_start(&L[m], m, g) != 0;
        if (!bad) bad = deliver(L, g, s, &t_eoh) != 0;
        double t1 = now();
        if (bad)
            err_msgs++;
        else {
            long k = nlat++;
            lat[k] = t1 - t0;
            eoh[k] = t_eoh ? t1 - t_eoh : 0;
            done_msgs++;
        }
        for (int m = 0; m < nm; m++) {
            if (!bad) {
                put_(&L[m], 'Q', NULL, 0);
                flush_(&L[m]);
            }
            close_link(&L[m]);
        }
    }
    for (int m = 0; m < nm; m++) {
        free(L[m].ob);
        free(L[m].ib);
    }
    return NULL;
}

/* ------------------------------------------------------------------ corpus */
static char *slurp(const char *p, size_t *n) {
    FILE *f = fopen(p, "rb");
    if (!f) die("%s: %s", p, strerror(errno));
    fseek(f, 0, SEEK_END);
    *n = ftell(f);
    rewind(f);
    char *b = xm(*n + 1);
    if (fread(b, 1, *n, f) != *n) die("%s: short read", p);
    b[*n] = 0;
    fclose(f);
    return b;
}
static void parse(msg *g, char *b, size_t n) {
    size_t i = 0;
    int cap = 0;
    while (i < n) {
        if (b[i] == '\r' && b[i + 1] == '\n') {
            i += 2;
            break;
        }
        size_t e = i; /* end of this field, folds included */
        for (;;) {
            char *q = memmem(b + e, n - e, "\r\n", 2);
            if (!q) {
                e = n;
                break;
            }
            e = q - b;
            if (e + 2 < n && (b[e + 2] == ' ' || b[e + 2] == '\t')) {
                e += 2;
                continue;
            }
            break;
        }
        char *col = memchr(b + i, ':', e - i);
        if (!col) die("%s: bad header line", g->id);
        char *v = xm(e - (col - b) + 1), *w = v;
        for (char *s = col + 1; s < b + e; s++)
            if (!(*s == '\r' && s[1] == '\n')) *w++ = *s; /* CRLF -> LF, as MTAs do */
        *w = 0;
        if (g->nh == cap) {
            cap = cap * 2 + 32;
            g->h = realloc(g->h, cap * sizeof(hdr));
        }
        g->h[g->nh++] = (hdr){xdup(b + i, col - (b + i)), v};
        i = e + 2;
    }
    g->body = i < n ? xdup(b + i, n - i) : xdup("", 0);
    g->blen = i < n ? n - i : 0;
}
/* index.tsv: id class ip host helo mailfrom rcpt[,rcpt...] file [anything more] */
static void load(const char *dir, const char *classes) {
    char p[4096];
    snprintf(p, sizeof p, "%s/index.tsv", dir);
    size_t n;
    char *ix = slurp(p, &n), *sv1;
    int cap = 0;
    for (char *ln = strtok_r(ix, "\n", &sv1); ln; ln = strtok_r(NULL, "\n", &sv1)) {
        if (*ln == '#') continue;
        char *f[8], *sv2;
        int k = 0;
        for (char *t = strtok_r(ln, "\t", &sv2); t && k < 8; t = strtok_r(NULL, "\t", &sv2))
            f[k++] = t;
        if (k < 8) die("index.tsv: bad line");
        if (classes) {
            char lst[256], w[64];
            snprintf(lst, sizeof lst, ",%s,", classes);
            snprintf(w, sizeof w, ",%s,", f[1]);
            if (!strstr(lst, w)) continue;
        }
        if (ncorpus == cap) {
            cap = cap * 2 + 64;
            corpus = realloc(corpus, cap * sizeof(msg));
        }
        msg *g = &corpus[ncorpus++];
        memset(g, 0, sizeof *g);
        g->id = strdup(f[0]);
        g->cls = strdup(f[1]);
        g->ip = strdup(f[2]);
        g->host = strdup(f[3]);
        g->helo = strdup(f[4]);
        g->from = strdup(strcmp(f[5], "-") ? f[5] : "");
        g->rcpt = strdup(f[6]);
        snprintf(p, sizeof p, "%s/%s", dir, f[7]);
        char *b = slurp(p, &n);
        parse(g, b, n);
        free(b);
    }
    free(ix);
    if (!ncorpus) die("no message of class %s in %s", classes ? classes : "*", dir);
}
static int cmpd(const void *a, const void *b) {
    double x = *(double *)a, y = *(double *)b;
    return x < y ? -1 : x > y;
}
static void table(const char *name, atomic_long t[256]) {
    printf("\"%s\":{", name);
    int first = 1;
    for (int i = 0; i < 256; i++)
        if (t[i]) {
            printf("%s\"%c\":%ld", first ? "" : ",", i, (long)t[i]);
            first = 0;
        }
    printf("}");
}
static double quantile(double *times, double q) { return nlat ? 1e3 * times[(long)((nlat - 1) * q)] : 0; }
static void usage(void) {
    fputs("usage: milterload --connect inet:127.0.0.1:PORT|unix:PATH [--connect NEXT ...] --corpus DIR\n"
          "  [--class 2K,10K]  [--concurrency 1] [--messages 1000] [--duration SECONDS]  (the first limit reached "
          "ends it)\n"
          "  [--pause MS]  between DATA and the message   [--dump-headers FILE]  JSON lines of every change   "
          "[--timeout 60]\n"
          "prints one JSON object\n",
          stderr);
    exit(2);
}
int main(int ac, char **av) {
    const char *dir = NULL, *cls = NULL;
    for (int i = 1; i < ac; i++) {
        char *o = av[i];
        if (i + 1 >= ac) usage();
        char *v = av[++i];
        if (!strcmp(o, "--connect")) {
            if (nm == MAXM) usage();
            targets[nm++] = v;
        } else if (!strcmp(o, "--corpus"))
            dir = v;
        else if (!strcmp(o, "--class"))
            cls = v;
        else if (!strcmp(o, "--concurrency"))
            conc = atoi(v);
        else if (!strcmp(o, "--messages"))
            total = atol(v);
        else if (!strcmp(o, "--duration"))
            duration = atof(v);
        else if (!strcmp(o, "--pause"))
            pause_ms = atoi(v);
        else if (!strcmp(o, "--timeout"))
            tmo = atoi(v);
        else if (!strcmp(o, "--dump-headers")) {
            dump = fopen(v, "w");
            if (!dump) die("%s: %s", v, strerror(errno));
        } else
            usage();
    }
    if (!dir || !nm || conc < 1 || conc > 1000 || total < 1 || total > 1000000 || pause_ms < 0 || pause_ms > 10000)
        usage();
    signal(SIGPIPE, SIG_IGN);
    load(dir, cls);
    lat = xm(total * sizeof(double));
    eoh = xm(total * sizeof(double));
    pthread_t *t = xm(conc * sizeof *t);
    pthread_attr_t at;
    pthread_attr_init(&at);
    pthread_attr_setstacksize(&at, 1 << 18);
    t_start = now();
    for (int i = 0; i < conc; i++)
        if (pthread_create(&t[i], &at, worker, NULL)) die("thread");
    for (int i = 0; i < conc; i++)
        pthread_join(t[i], NULL);
    t_stop = now();
    if (dump) fclose(dump);
    qsort(lat, nlat, sizeof *lat, cmpd);
    qsort(eoh, nlat, sizeof *eoh, cmpd);
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    double cpu = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + 1e-6 * (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec),
           w = t_stop - t_start;
    printf("{\"messages\":%ld,\"errors\":%ld,\"seconds\":%.3f,\"client_cpu_s\":%.3f,", (long)done_msgs,
           (long)err_msgs, w, cpu);
    printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"eoh_p50_ms\":%.3f,\"eoh_p99_ms\":%.3f,\"milters\":[", quantile(lat, .5),
           quantile(lat, .99), quantile(eoh, .5), quantile(eoh, .99));
    for (int m = 0; m < nm; m++) {
        printf("%s{\"target\":\"%s\",\"protocol\":\"0x%x\",", m ? "," : "", targets[m], neg_proto[m]);
        table("verdicts", replies[m]);
        putchar(',');
        table("mods", mods[m]);
        putchar(',');
        table("early", early[m]);
        putchar('}');
    }
    printf("]}\n");
    return err_msgs ? 1 : 0;
}
