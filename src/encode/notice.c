/* SPDX-License-Identifier: MIT */
#include "encode/notice.h"

#include "encode/font.h"

#include <stdbool.h>
#include <string.h>

/* A picture of this width shows text at the font's own size; wider ones scale it. */
enum { UNIT_WIDTH = 640, MAX_LINES = 8, TITLE_SCALE = 2, LINE_GAP = 6, BAR_WIDTH = 4 };

struct color {
    uint8_t r, g, b;
};

static const struct color BACKGROUND = {0x15, 0x19, 0x1f};
static const struct color ACCENT = {0xf0, 0xa0, 0x30};
static const struct color TITLE = {0xff, 0xff, 0xff};
static const struct color TEXT = {0xd4, 0xda, 0xe2};
static const struct color DIM = {0x94, 0x9e, 0xac};

struct canvas {
    uint8_t *rgb;
    uint32_t width, height;
};

static void fill(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
                 struct color color)
{
    if (x >= canvas->width)
        return;
    for (uint32_t row = y; row < y + height && row < canvas->height; row++) {
        uint8_t *pixel = canvas->rgb + ((size_t)row * canvas->width + x) * 3;
        for (uint32_t column = x; column < x + width && column < canvas->width; column++) {
            *pixel++ = color.r;
            *pixel++ = color.g;
            *pixel++ = color.b;
        }
    }
}

static void draw_glyph(const struct canvas *canvas, uint32_t x, uint32_t y, char c, uint32_t scale,
                       struct color color)
{
    const uint16_t *rows = font_glyph(c);
    for (uint32_t row = 0; row < FONT_HEIGHT; row++)
        for (uint32_t column = 0; column < FONT_WIDTH; column++)
            if (rows[row] >> (FONT_WIDTH - 1 - column) & 1)
                fill(canvas, x + column * scale, y + row * scale, scale, scale, color);
}

/* A laid-out line: a run of a text. */
struct line {
    const char *text;
    size_t length;
    uint32_t scale;
    struct color color;
};

struct layout {
    struct line lines[MAX_LINES];
    size_t count;
    uint32_t width; /* for text, in pixels */
};

/* Breaks a text at spaces where it does not fit; a word that is too long is broken anywhere. */
static void add_text(struct layout *layout, const char *text, uint32_t scale, struct color color)
{
    size_t columns = layout->width / (FONT_WIDTH * scale);
    if (columns == 0)
        return;
    while (*text && layout->count < MAX_LINES) {
        size_t length = strlen(text);
        if (length > columns) {
            length = columns;
            while (length > 0 && text[length] != ' ')
                length--;
            if (length == 0)
                length = columns;
        }
        layout->lines[layout->count++] = (struct line){text, length, scale, color};
        text += length;
        while (*text == ' ')
            text++;
    }
}

static uint32_t line_height(const struct line *line)
{
    return (FONT_HEIGHT + LINE_GAP) * line->scale;
}

void notice_draw(const struct notice *notice, uint8_t *rgb)
{
    const struct canvas canvas = {rgb, notice->width, notice->height};
    uint32_t scale = notice->width / UNIT_WIDTH;
    if (scale == 0)
        scale = 1;
    uint32_t margin = notice->width / 16;
    uint32_t text_x = margin + 4 * BAR_WIDTH * scale;
    struct layout layout = {.width = notice->width > text_x + margin ? notice->width - text_x - margin : 0};

    /* A title twice as large, where the picture is wide enough for it. */
    bool is_wide = strlen(notice->title) * FONT_WIDTH * scale * TITLE_SCALE <= layout.width;
    add_text(&layout, notice->title, is_wide ? scale * TITLE_SCALE : scale, TITLE);
    add_text(&layout, notice->reason, scale, TEXT);
    add_text(&layout, notice->since, scale, DIM);
    add_text(&layout, notice->next_step, scale, DIM);

    uint32_t height = 0;
    for (size_t i = 0; i < layout.count; i++)
        height += line_height(&layout.lines[i]);
    /* In a small picture the last lines, which matter least, are left out: half of one cannot be read. */
    while (layout.count > 1 && height - LINE_GAP * scale > notice->height)
        height -= line_height(&layout.lines[--layout.count]);
    uint32_t y = notice->height > height ? (notice->height - height) / 2 : 0;

    fill(&canvas, 0, 0, canvas.width, canvas.height, BACKGROUND);
    fill(&canvas, margin, y, BAR_WIDTH * scale, height, ACCENT);
    for (size_t i = 0; i < layout.count; i++) {
        const struct line *line = &layout.lines[i];
        for (size_t c = 0; c < line->length; c++)
            draw_glyph(&canvas, text_x + (uint32_t)c * FONT_WIDTH * line->scale, y, line->text[c],
                       line->scale, line->color);
        y += line_height(line);
    }
}
