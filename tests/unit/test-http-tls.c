/* Whom we believe. The server speaks TLS with a certificate for 127.0.0.1 that it has signed
 * itself. */

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/io.h"
#include "common/net/http.h"
#include "tests/test.h"

#define ANSWER "HTTP/1.1 200 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define DAY_SEC (24L * 60 * 60)

struct server {
	struct tree *tree; /* ca.pem, the certificate */
	SSL_CTX *tls;
	int listen_fd;
	unsigned port;
	pthread_t thread;
	atomic_uint requests;
};

static X509 *make_certificate(EVP_PKEY *key, long from_sec, long until_sec)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *address;

	ck_assert_int_eq(X509_set_version(x, X509_VERSION_3), 1);
	ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(x), from_sec));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(x), until_sec));
	ck_assert_int_eq(X509_set_pubkey(x, key), 1);
	ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
						    (const unsigned char *)"test", -1, -1, 0),
			 1);
	ck_assert_int_eq(X509_set_issuer_name(x, name), 1);
	address = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	ck_assert_ptr_nonnull(address);
	ck_assert_int_eq(X509_add_ext(x, address, -1), 1);
	X509_EXTENSION_free(address);
	ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
	return x;
}

static void write_certificate(struct tree *tree, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char text[8192];
	int n;

	ck_assert_int_eq(PEM_write_bio_X509(bio, x), 1);
	n = BIO_read(bio, text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	BIO_free(bio);
	tree_write(tree, "ca.pem", text);
}

static void serve(struct server *server, int fd)
{
	SSL *ssl = SSL_new(server->tls);
	char request[4096];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0) {
		atomic_fetch_add(&server->requests, 1);
		SSL_write(ssl, ANSWER, (int)strlen(ANSWER));
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
}

/* Until the socket is shut down. */
static void *run(void *context)
{
	struct server *server = context;
	int fd;

	while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve(server, fd);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *server, long from_sec, long until_sec)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = make_certificate(key, from_sec, until_sec);

	(void)signal(SIGPIPE, SIG_IGN);
	server->tree = tree_new();
	write_certificate(server->tree, x);
	server->tls = SSL_CTX_new(TLS_server_method());
	ck_assert_int_eq(SSL_CTX_use_certificate(server->tls, x), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(server->tls, key), 1);
	X509_free(x);
	EVP_PKEY_free(key);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(server->listen_fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(listen(server->listen_fd, 8), 0);
	ck_assert_int_eq(getsockname(server->listen_fd, (struct sockaddr *)&address, &size), 0);
	server->port = ntohs(address.sin_port);
	ck_assert_int_eq(pthread_create(&server->thread, NULL, run, server), 0);
}

static void server_stop(struct server *server)
{
	if (!server->tls)
		return;
	(void)shutdown(server->listen_fd, SHUT_RDWR);
	(void)pthread_join(server->thread, NULL);
	close(server->listen_fd);
	SSL_CTX_free(server->tls);
	tree_free(server->tree);
}

static int prepare(struct http_exchange *exchange, struct http_request *request,
		   _unused_ struct fault *fault)
{
	request->method = "GET";
	return http_request_url(request, exchange->context);
}

static int again(_unused_ struct http_exchange *exchange, _unused_ uint64_t *ret_wait_usec)
{
	return 0;
}

static const struct http_exchange_ops ops = { .prepare = prepare, .again = again };

/* The result of asking that host, which is this one, when those authorities are trusted. */
static int ask(const struct server *server, const char *host, const char *ca_file)
{
	const struct http_options options = { .clock = &clock_system, .ca_file = ca_file };
	_cleanup_free_ char *url = str_format("https://%s:%u/", host, server->port);
	_cleanup_http_exchange_ struct http_exchange exchange = {
		.ops = &ops,
		.context = url,
		.deadline = deadline_in(&clock_system, 20 * USEC_PER_SEC),
	};
	_cleanup_(http_closep) struct http *http = NULL;

	ck_assert_int_eq(http_open(&options, &http, NULL), 0);
	ck_assert_int_eq(http_perform(http, &exchange, 1, NULL), 0);
	ck_assert(!exchange.maybe_executed);
	return exchange.result;
}

START_TEST(believes_a_server_whom_the_file_vouches_for)
{
	_cleanup_(server_stop) struct server server = {};
	_cleanup_free_ char *ca_file = NULL;

	server_start(&server, -DAY_SEC, DAY_SEC);
	ca_file = str_format("%s/ca.pem", server.tree->path);
	ck_assert_int_eq(ask(&server, "127.0.0.1", ca_file), 0);
	ck_assert_uint_eq(atomic_load(&server.requests), 1);
}
END_TEST

/* Both servers have the same name, but not the same key. */
START_TEST(tells_nothing_to_a_server_whom_nobody_vouches_for)
{
	_cleanup_(server_stop) struct server server = {}, other = {};
	_cleanup_free_ char *ca_file = NULL;

	server_start(&server, -DAY_SEC, DAY_SEC);
	server_start(&other, -DAY_SEC, DAY_SEC);
	ca_file = str_format("%s/ca.pem", other.tree->path);
	ck_assert_int_eq(ask(&server, "127.0.0.1", ca_file), -EKEYREJECTED);
	ck_assert_uint_eq(atomic_load(&server.requests), 0);
}
END_TEST

START_TEST(tells_nothing_to_a_server_of_another_name)
{
	_cleanup_(server_stop) struct server server = {};
	_cleanup_free_ char *ca_file = NULL;

	server_start(&server, -DAY_SEC, DAY_SEC);
	ca_file = str_format("%s/ca.pem", server.tree->path);
	ck_assert_int_eq(ask(&server, "localhost", ca_file), -EKEYREJECTED);
	ck_assert_uint_eq(atomic_load(&server.requests), 0);
}
END_TEST

START_TEST(tells_nothing_to_a_server_whose_time_is_over)
{
	_cleanup_(server_stop) struct server server = {};
	_cleanup_free_ char *ca_file = NULL;

	server_start(&server, -2 * DAY_SEC, -DAY_SEC);
	ca_file = str_format("%s/ca.pem", server.tree->path);
	ck_assert_int_eq(ask(&server, "127.0.0.1", ca_file), -EKEYREJECTED);
	ck_assert_uint_eq(atomic_load(&server.requests), 0);
}
END_TEST

START_TEST(believes_nobody_when_the_file_is_missing)
{
	_cleanup_(server_stop) struct server server = {};

	server_start(&server, -DAY_SEC, DAY_SEC);
	ck_assert_int_eq(ask(&server, "127.0.0.1", "/nonexistent/ca.pem"), -EKEYREJECTED);
	ck_assert_uint_eq(atomic_load(&server.requests), 0);
}
END_TEST

TEST_MAIN(believes_a_server_whom_the_file_vouches_for,
	  tells_nothing_to_a_server_whom_nobody_vouches_for,
	  tells_nothing_to_a_server_of_another_name, tells_nothing_to_a_server_whose_time_is_over,
	  believes_nobody_when_the_file_is_missing)
