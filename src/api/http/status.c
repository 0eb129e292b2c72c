/* Statuses: their names, and which one stands for what the core says. */
#include "api/http/desk.h"
#include "shoal/error.h"

const char *http_status_text(uint32_t status)
{
    static const struct {
        uint32_t status;
        const char *text;
    } texts[] = {
        {200, "200 OK"},
        {204, "204 No Content"},
        {404, "404 Not Found"},
        {304, "304 Not Modified"},
        {400, "400 Bad Request"},
        {503, "503 Service Unavailable"},
        {101, "101 Switching Protocols"},
        {201, "201 Created"},
        {202, "202 Accepted"},
        {206, "206 Partial Content"},
        {300, "300 Multiple Choices"},
        {301, "301 Moved Permanently"},
        {302, "302 Found"},
        {303, "303 See Other"},
        {307, "307 Temporary Redirect"},
        {308, "308 Permanent Redirect"},
        {401, "401 Unauthorized"},
        {403, "403 Forbidden"},
        {405, "405 Method Not Allowed"},
        {406, "406 Not Acceptable"},
        {408, "408 Request Timeout"},
        {409, "409 Conflict"},
        {410, "410 Gone"},
        {411, "411 Length Required"},
        {412, "412 Precondition Failed"},
        {413, "413 Content Too Large"},
        {414, "414 URI Too Long"},
        {415, "415 Unsupported Media Type"},
        {416, "416 Range Not Satisfiable"},
        {417, "417 Expectation Failed"},
        {422, "422 Unprocessable Content"},
        {426, "426 Upgrade Required"},
        {428, "428 Precondition Required"},
        {429, "429 Too Many Requests"},
        {431, "431 Request Header Fields Too Large"},
        {500, "500 Internal Server Error"},
        {501, "501 Not Implemented"},
        {502, "502 Bad Gateway"},
        {504, "504 Gateway Timeout"},
        {505, "505 HTTP Version Not Supported"},
        {507, "507 Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return "500 Internal Server Error";
}

uint32_t http_status_of(int code)
{
    switch (code) {
    case SHOAL_OK:
        return 200;
    case SHOAL_ENOTFOUND:
        return 404;
    case SHOAL_EINVAL:
    case SHOAL_EPROTO:
    case SHOAL_EVERSION:
    case SHOAL_ECONTEXT:
        return 400;
    case SHOAL_ETOOBIG:
        return 413;
    case SHOAL_EPERM:
        return 403;
    case SHOAL_EUNSUPPORTED:
    case SHOAL_ECLUSTER:
    case SHOAL_EHASDATA:
    case SHOAL_ECONFLICT:
    case SHOAL_EDIFFER:
        return 409;
    case SHOAL_ETIMEOUT:
        return 504;
    case SHOAL_EINTERNAL:
    case SHOAL_EDAMAGED:
        return 500;
    default:
        return 503;
    }
}
