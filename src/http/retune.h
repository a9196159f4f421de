/* SPDX-License-Identifier: MIT */
/*
 * retune: viewers that change their mind while they watch. One that wants other settings goes on with what it
 * has, and is among the arrivals of the other channel until that has a picture. The sender's thread.
 */
#ifndef HEADCAM_HTTP_RETUNE_H
#define HEADCAM_HTTP_RETUNE_H

#include "http/viewer.h"

#include <stdbool.h>

/*
 * A viewer wants this from now on. False: there would be a variant too many, and nothing changes. Channels
 * that it leaves may be gone.
 */
bool retune_viewer(struct viewer *viewer, millifps rate, const struct variant_settings *settings);

/* It stays where it is, after all. */
void retune_give_up(struct viewer *viewer);

/* The channel has a new picture: lets those in who wait for it. */
void retune_welcome(struct channel *channel);

#endif
