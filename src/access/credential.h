/* SPDX-License-Identifier: MIT */
/*
 * credential: what a request brings to be let in. Pure.
 */
#ifndef HEADCAM_ACCESS_CREDENTIAL_H
#define HEADCAM_ACCESS_CREDENTIAL_H

#include "access/auth_file.h"

enum credential_kind { CREDENTIAL_NONE, CREDENTIAL_PASSWORD, CREDENTIAL_TOKEN };

struct credential {
    enum credential_kind kind;
    char name[AUTH_NAME_BYTES]; /* of who has the password */
    char secret[SECRET_BYTES];  /* the password, or the token */
};

/*
 * Reads the value of an Authorization header and that of a ?token= parameter; each may be NULL. The
 * parameter wins: it was meant for this server, where a header may be one for a proxy in front. What
 * nobody can have, as a name that is too long or a scheme of another kind, is as good as none.
 */
void credential_read(struct credential *credential, const char *authorization, const char *token);

#endif
