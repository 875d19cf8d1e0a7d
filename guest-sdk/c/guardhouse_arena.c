/* The arena of a call: all its memory is freed at once when the call is over. Part of guardhouse.c. */
#ifndef GUARDHOUSE_ARENA_C
#define GUARDHOUSE_ARENA_C

#include "guardhouse_export.h"
#include "guardhouse_trap.c"

#include <stdlib.h>

/** The size of the first block, which is static: a call that needs at most this calls no `malloc`. */
#define GH_FIRST_BLOCK (16 * 1024)

/** Each block is twice as large as the previous one, up to this size. A larger allocation gets a block of its own. */
#define GH_LARGEST_BLOCK (1024 * 1024)

/** A block of memory, filled from its start. */
typedef struct gh_block {
    struct gh_block *before;
    char *data;
    size_t size;
    size_t used;
} gh_block;

static _Alignas(max_align_t) char gh_first_data[GH_FIRST_BLOCK];
static gh_block gh_first_block = {NULL, gh_first_data, GH_FIRST_BLOCK, 0};
static gh_block *gh_last_block = &gh_first_block;

/** The end of the memory that is kept: the block, and the bytes used in it. */
static gh_block *gh_kept_block = &gh_first_block;
static size_t gh_kept;

/** Appends a block of at least `size` bytes. */
static void gh_add_block(size_t size) {
    size_t data_size = gh_last_block->size < GH_LARGEST_BLOCK / 2 ? gh_last_block->size * 2 : GH_LARGEST_BLOCK;
    if (data_size < size)
        data_size = size;
    gh_block *block = data_size < SIZE_MAX / 4 ? malloc(sizeof *block + _Alignof(max_align_t) + data_size) : NULL;
    if (block == NULL)
        gh_trap(); /* without a message: during `cabi_realloc` the host accepts no calls */
    uintptr_t behind = (uintptr_t)(block + 1);
    size_t padding = -behind % _Alignof(max_align_t);
    *block = (gh_block){gh_last_block, (char *)(block + 1) + padding, data_size, 0};
    gh_last_block = block;
}

void *gh_alloc(size_t size) {
    size_t start = (gh_last_block->used + _Alignof(max_align_t) - 1) & -_Alignof(max_align_t);
    if (start > gh_last_block->size || size > gh_last_block->size - start) {
        gh_add_block(size);
        start = 0;
    }
    gh_last_block->used = start + size;
    return gh_last_block->data + start;
}

/** Allocates memory of the current call for `count` texts, not initialized. It never returns NULL. */
static gh_string *gh_alloc_strings(size_t count) {
    if (count > SIZE_MAX / sizeof(gh_string))
        gh_trap();
    return gh_alloc(count * sizeof(gh_string));
}

void gh_release(void) {
    while (gh_last_block != gh_kept_block) {
        gh_block *block = gh_last_block;
        gh_last_block = block->before;
        free(block);
    }
    gh_last_block->used = gh_kept;
}

void gh_keep(void) {
    gh_kept_block = gh_last_block;
    gh_kept = gh_last_block->used;
}

/** The host calls this to allocate memory for strings and lists. */
GH_ABI_EXPORT(GH_ABI_REALLOC)
void *gh_abi_realloc(void *old, size_t old_size, size_t alignment, size_t size) {
    (void)alignment;
    char *data = gh_alloc(size);
    if (old_size > 0)
        memcpy(data, old, old_size < size ? old_size : size);
    return data;
}

#endif
