/* SPDX-License-Identifier: MIT */
/*
 * passwd: `headcam passwd`, which prints a line for the file of users and tokens. It asks for the password
 * at the terminal, or reads it from standard input; it writes no file.
 */
#ifndef HEADCAM_ACCESS_PASSWD_H
#define HEADCAM_ACCESS_PASSWD_H

/* arguments begin behind "passwd". Returns the exit code. */
int passwd_main(int count, char *const arguments[]);

#endif
