#pragma once

/* Text for people: a user's words inside an error, folded paragraphs, scdoc. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A user's text, fit to stand in an error: cut at size, and what is no printable UTF-8 as '?', byte
 * for byte. Returns to. */
#define SHOWN_TEXT_MAX 80
const char *text_shown(const char *text, char *to, size_t size);

/* Bytes of the UTF-8 character at text; 0 when there is none. */
size_t text_utf8_length(const char *text);

/* Whether all of it is UTF-8; and makes it so, in place: what is not becomes '?', byte for byte. */
bool text_is_utf8(const char *text);
void text_make_utf8(char *text);

/* Whether all of it is UTF-8 without control characters. */
bool text_is_printable(const char *text);

/* The words of text and a newline, folded before width (0: never). The first line begins where the
 * stream stands, in column; the others are indented. */
void text_fold(const char *text, unsigned column, unsigned indent, unsigned width, FILE *to);

/* Paragraphs, separated by empty lines, each folded; lines that begin with white space stay as they
 * are. */
void text_fold_paragraphs(const char *text, unsigned indent, unsigned width, FILE *to);

/* The same for the manual: what scdoc or roff would take for markup is escaped. Of the first line
 * only the rest is ours to write unless line_start. */
void text_print_scdoc(const char *text, bool line_start, FILE *to);
