/* SPDX-License-Identifier: MIT */
/*
 * guard: lets requests in, or tells them why not. It takes what a request brings from libmicrohttpd, asks
 * access, and keeps the connection suspended while a password is checked. The HTTP thread.
 */
#ifndef HEADCAM_HTTP_GUARD_H
#define HEADCAM_HTTP_GUARD_H

#include "http/routes.h"

/*
 * True: the request is admitted, and its grant tells what it may see. False: it was told why not, or its
 * connection is suspended and it comes again; *result is then the handler's.
 */
bool guard_admit(struct server *server, struct MHD_Connection *connection, struct request *request,
                 enum MHD_Result *result);

/* Ends what was begun for a request; its connection is not suspended. */
void guard_forget(struct request *request);

/*
 * The stream that a path without a name means: the default stream, and for who may not see that one, the
 * first of those that may be seen, announced or not. False: there is none yet.
 */
bool guard_default_name(struct server *server, const struct grant *grant, char name[NAME_BYTES]);

/* Reports on the streams that the grant covers. The caller frees them. */
struct stream_report *guard_visible_streams(struct server *server, const struct grant *grant, size_t *count);

/*
 * Where frames are forwarded, for who may see every stream: an edge's reason may name one that is not theirs.
 * The caller frees them.
 */
struct edge_report *guard_visible_edges(struct server *server, const struct grant *grant, size_t *count);

/* 403: the stream is not among those that the grant covers. */
enum MHD_Result guard_reply_forbidden(struct MHD_Connection *connection, const struct grant *grant,
                                      const char *name);

#endif
