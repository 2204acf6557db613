/* MySQL 8.0.15 leaves it to OpenSSL 1.0 to choose a curve, which by itself chooses none: without this it offers no ECDHE, and
   our TLS knows no other key exchange. Later ones choose by themselves. */
#define _GNU_SOURCE
#include <dlfcn.h>

#define SSL_CTRL_SET_ECDH_AUTO 94

void *SSL_CTX_new(const void *method) {
    void *(*make)(const void *) = (void *(*)(const void *))dlsym(RTLD_NEXT, "SSL_CTX_new");
    long (*control)(void *, int, long, void *) =
        (long (*)(void *, int, long, void *))dlsym(RTLD_NEXT, "SSL_CTX_ctrl");
    void *context = make(method);
    if (context) {
        control(context, SSL_CTRL_SET_ECDH_AUTO, 1, 0);
    }
    return context;
}
