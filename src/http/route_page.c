/* SPDX-License-Identifier: MIT */
/* /: the viewer page and its files, which the build embeds from web/. */
#include "base/version.h"
#include "http/asked.h"
#include "http/links.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/routes.h"

#include <string.h>

/* Puts a file of web/ between two symbols. */
#define EMBED(symbol, file)                                                                                  \
    __asm__(".pushsection .rodata\n" #symbol ":\n"                                                           \
            ".incbin \"" file "\"\n" #symbol "_end:\n"                                                       \
            ".popsection\n");                                                                                \
    extern const char symbol[], symbol##_end[] /* NOLINT(bugprone-macro-parentheses): a declaration */

EMBED(web_index_html, "web/index.html");
EMBED(web_viewer_css, "web/viewer.css");
EMBED(web_viewer_js, "web/viewer.js");
EMBED(web_icon_svg, "web/icon.svg");

static const struct asset {
    const char *path, *content_type;
    const char *bytes, *end;
} assets[] = {
    {"/", "text/html; charset=utf-8", web_index_html, web_index_html_end},
    {"/viewer.css", "text/css; charset=utf-8", web_viewer_css, web_viewer_css_end},
    {"/viewer.js", "text/javascript; charset=utf-8", web_viewer_js, web_viewer_js_end},
    {"/icon.svg", "image/svg+xml", web_icon_svg, web_icon_svg_end},
    /* Asked for where an answer that is no page is opened by itself. */
    {"/favicon.ico", "image/svg+xml", web_icon_svg, web_icon_svg_end},
};

static const struct asset *find_asset(const char *path)
{
    for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
        if (strcmp(assets[i].path, path) == 0)
            return &assets[i];
    return NULL;
}

bool route_is_asset(const char *path)
{
    return find_asset(path) != NULL;
}

static const char ETAG[] = "\"" HEADCAM_VERSION "-" HEADCAM_WEB_HASH "\"";

enum MHD_Result route_asset(struct MHD_Connection *connection, const char *path)
{
    const struct asset *asset = find_asset(path);
    return reply_asset(connection, asset->bytes, (size_t)(asset->end - asset->bytes), MHD_RESPMEM_PERSISTENT,
                       asset->content_type, ETAG);
}

/* The page for who was let in by ?token=: its files are asked for with the token, too. */
static enum MHD_Result reply_page_with_token(struct MHD_Connection *connection, const char *token)
{
    const struct asset *page = find_asset("/");
    struct bytes html = {0};
    links_with_query(page->bytes, (size_t)(page->end - page->bytes), "token", token, &html);
    enum MHD_Result result =
        reply_asset(connection, html.data, html.length, MHD_RESPMEM_MUST_COPY, page->content_type, ETAG);
    bytes_fini(&html);
    return result;
}

enum MHD_Result route_page(struct server *server, struct MHD_Connection *connection, const char *name,
                           struct request *request)
{
    const char *action = asked_parameter(connection, "action");
    if (query_action_is(action, "stream"))
        return route_stream(server, connection, name, request);
    if (request->waiter || query_action_is(action, "snapshot"))
        return route_snapshot(server, connection, name, request);
    if (action)
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "action must be stream or snapshot");
    const char *token = asked_parameter(connection, "token");
    return server->options.access && token && token[0] ? reply_page_with_token(connection, token)
                                                       : route_asset(connection, "/");
}
